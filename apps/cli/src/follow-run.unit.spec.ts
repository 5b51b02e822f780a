import { describe, expect, it } from '@jest/globals';
import type { RunView } from '#common/contracts/api-views.js';
import { followRun } from './follow-run.js';
import { toRunText } from './output/run-text.js';
import type { VerbContext } from './verb.js';

const error = {
  code: 'postgres.unreachable',
  message: 'cannot connect to shop: refused',
  hint: 'Start it.',
  context: {},
};
const aRun = (changes: Partial<RunView>): RunView => ({
  ...{ id: 'r1', kind: 'backup', dataset: 'shop', state: 'queued', attempt: 1, maxAttempts: 4, request: {} },
  ...{ progress: null, result: null, error: null, retry: null, createdAt: '2026-01-01T02:00:00.000Z' },
  ...{ startedAt: null, finishedAt: null },
  ...changes,
});
const waits = (at: string) => aRun({ error, retry: { at, waitingSince: '2026-01-01T02:00:01.000Z' } });

async function notesOf(...answers: readonly RunView[]): Promise<string[]> {
  const notes: string[] = [];
  const left = [...answers];
  const context = {
    api: { run: async () => left.shift() ?? aRun({ state: 'completed' }) },
    output: { note: (line: string) => notes.push(line), progress: () => undefined },
    signal: new AbortController().signal,
  };
  await followRun('r1', context as unknown as VerbContext);
  return notes;
}

describe('a run that is followed', () => {
  it('says once for each retry what it waits for, since when, and when it looks again', async () => {
    const [first, second] = ['2026-01-01T02:00:06.000Z', '2026-01-01T02:00:17.000Z'];
    const running = aRun({ state: 'running', error });
    expect(await notesOf(waits(first), waits(first), running, waits(second))).toEqual(
      [first, second].map(
        (at) =>
          `backup of shop waits, since 2026-01-01T02:00:01.000Z: cannot connect to shop: refused (postgres.unreachable); it is tried again at ${at}`,
      ),
    );
  });

  it('says nothing of a run that only waits for its turn for a moment', async () => {
    expect(await notesOf(aRun({}), aRun({ state: 'running' }))).toEqual([]);
  });
});

describe('a run that is shown', () => {
  it('says when it is tried again, and since when it waits', () => {
    expect(toRunText(waits('2026-01-01T02:00:06.000Z'))).toMatch(
      /tried again +at 2026-01-01T02:00:06.000Z; it has waited for this since 2026-01-01T02:00:01.000Z/,
    );
  });
});
