import { z } from 'zod';
import { JsonExpectation, JsonPath, METHODS, Status } from '#common/probes/http/params.js';
import { defineStep, Milliseconds } from '../define-step.js';
import { HttpUrl } from '../http-options.js';

const Poll = z.strictObject({
  url: HttpUrl.describe(
    'Asked by GET with the headers of the step; ${NAME} stands for what the answer to the request held',
  ),
  everyMs: Milliseconds.min(10).default(2_000),
  state: JsonPath.describe('Where the answer tells the state: data.state'),
  until: z.array(z.string()).min(1).describe('The states in which the work is done: [succeeded]'),
  failing: z.array(z.string()).default([]).describe('The states in which the work has failed: [failed, cancelled]'),
});

/** One request to an application, and the work that it begins there followed to its end. */
export const http = defineStep(
  'http',
  {
    url: HttpUrl,
    method: z.enum(METHODS).default('POST'),
    headers: z.record(z.string(), z.string()).default({}).describe('A token by reference: Bearer ${env:TOKEN}'),
    body: z.json().optional().describe('Sent as JSON'),
    expect: z
      .strictObject({
        status: z
          .union([Status, z.array(Status).min(1)])
          .optional()
          .describe('Default: any 2xx'),
        json: z.array(JsonExpectation).default([]),
      })
      .prefault({}),
    capture: z
      .record(z.string().regex(/^[A-Za-z][\w-]*$/), JsonPath)
      .default({})
      .describe('What of the answer the polling and later steps use, by name'),
    poll: Poll.optional().describe('The request only begins the work: ask until it has come to its end'),
    repeatable: z
      .boolean()
      .optional()
      .describe('Whether the request may be sent again when no answer came; default: GET and HEAD may'),
  },
  {
    summary: 'Asks an application to do something, and waits until it is done',
    outputs: ({ capture }) => Object.keys(capture),
    hasSecretOutputs: true,
    timeoutMs: 600_000,
    isRepeatable: ({ repeatable, method }) => repeatable ?? (method === 'GET' || method === 'HEAD'),
  },
);
