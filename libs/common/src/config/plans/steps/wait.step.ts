import { z } from 'zod';
import { JsonExpectation, Status } from '#common/probes/http/params.js';
import { defineStep, Milliseconds } from '../define-step.js';
import { HttpUrl } from '../http-options.js';

/** Waits for what passes by itself. Exactly one of `http`, `tcp` and `forMs`. */
export const wait = defineStep(
  'wait',
  {
    http: z
      .strictObject({
        url: HttpUrl,
        headers: z.record(z.string(), z.string()).default({}),
        status: Status.optional().describe('Default: any 2xx'),
        json: z.array(JsonExpectation).default([]),
      })
      .optional()
      .describe('Until the address answers so'),
    tcp: z
      .string()
      .regex(/^\S+:(\d+|\$\{\S+\})$/, 'must look like host:port')
      .optional()
      .describe('Until a server takes connections: host:port'),
    forMs: Milliseconds.min(1).optional().describe('So long'),
    everyMs: Milliseconds.min(10).default(1_000).describe('Between two looks'),
  },
  { summary: 'Waits until an address answers, a port takes connections, or a time has passed', timeoutMs: 600_000 },
);
