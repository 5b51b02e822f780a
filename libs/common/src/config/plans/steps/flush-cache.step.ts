import { z } from 'zod';
import { Destination, TargetName } from '#common/contracts/names.js';
import { defineStep } from '../define-step.js';

/** Empties a cache that was made from what is restored. */
export const flushCache = defineStep(
  'flush-cache',
  {
    target: TargetName,
    destination: Destination.describe('What to empty: the number of a database, or all'),
    pattern: z.string().min(1).optional().describe('Only what matches, by the rules of the storage: session:*'),
  },
  {
    summary: 'Empties a cache, all of it or by a pattern',
    outputs: () => ['removed'],
    names: ({ target }) => ({ target }),
  },
);
