import { expect, it } from '@jest/globals';
import { runTier } from './run-tier.js';

it('runs the specs that an argument names, and no others', async () => {
  const signal = new AbortController().signal;
  const options = { signal, output: 'capture', jestArgs: ['tools/test/fault-table', '-t', 'is nothing'] } as const;
  const { tally } = await runTier('unit', options);
  expect([tally.passed, tally.failed, tally.skipped.length]).toEqual([1, [], 2]);
});
