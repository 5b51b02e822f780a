import { z } from 'zod';
import { defineStep } from '../define-step.js';

/** A program: provision a machine, stop and start services, migrate. */
export const exec = defineStep(
  'exec',
  {
    command: z
      .array(z.string().min(1))
      .min(1)
      .describe('The program and its arguments, as they are: no shell reads them. Secrets go into `env`'),
    env: z
      .record(z.string().regex(/^[A-Za-z_]\w*$/), z.string())
      .default({})
      .describe('Beside PATH, HOME and the like; nothing else of the environment reaches the program'),
    directory: z.string().startsWith('/').optional().describe('In which it runs; default: where holdfast was started'),
    repeatable: z
      .boolean()
      .describe('Whether the program may be run again after it began and did not end well: `alembic upgrade head` may'),
    keepOutput: z
      .boolean()
      .default(false)
      .describe('What it writes to stdout, at most 4 KiB, is the output `stdout` for later steps'),
  },
  {
    summary: 'Runs a program',
    outputs: ({ keepOutput }) => (keepOutput ? ['stdout'] : []),
    hasSecretOutputs: true,
    timeoutMs: 3_600_000,
    isRepeatable: ({ repeatable }) => repeatable,
  },
);
