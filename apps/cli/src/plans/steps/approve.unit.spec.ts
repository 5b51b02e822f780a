import { describe, expect, it } from '@jest/globals';
import type { Approvals } from '../approvals.js';
import type { StepContext } from '../step-worker.js';
import { approve } from './approve.js';

const step = { name: 'look', use: 'approve', message: 'Is it off?', always: false } as const;

const run = (approvals: Approvals) =>
  approve.run(step, { approvals, runId: 'r1', signal: AbortSignal.timeout(1_000) } as unknown as StepContext);

describe('a step that asks the operator', () => {
  it('shows what to look at, and takes the name of the step for an answer', async () => {
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return 'look';
    };
    const { evidence } = await run({ isGiven: () => false, ask });
    expect([asked, evidence]).toEqual([
      [expect.stringContaining('Is it off?')],
      expect.objectContaining({ how: 'at the terminal' }),
    ]);
  });

  it('takes no other answer', async () => {
    const refused = run({ isGiven: () => false, ask: async () => 'yes' });
    await expect(refused).rejects.toMatchObject({ code: 'plan.approval-missing' });
  });

  it('asks nothing where the command line gave it, and names the command where there is no terminal', async () => {
    const ask = () => Promise.reject(new Error('asked'));
    const { evidence } = await run({ isGiven: (name) => name === 'look', ask });
    expect(evidence).toMatchObject({ how: 'on the command line' });
    await expect(run({ isGiven: () => false, ask: undefined })).rejects.toMatchObject({
      hint: expect.stringContaining('recovery resume r1 --approve look'),
    });
  });
});
