import { describe, expect, it } from '@jest/globals';
import type { ListedRunView, QueueView } from '#common/contracts/api-views.js';
import { toAge, toRunListText } from './run-list-text.js';

const aRun = (changes: Partial<ListedRunView>): ListedRunView => ({
  ...{ id: 'r1', kind: 'backup', dataset: 'shop', state: 'queued', attempt: 0, maxAttempts: 3, request: {} },
  ...{ progress: null, result: null, error: null, createdAt: '2026-01-01T00:00:00.000Z', startedAt: null },
  ...{ finishedAt: null, place: null, retry: null },
  ...changes,
});

const queue: QueueView = { queued: 994, running: 6, retrying: 2, oldestQueuedSeconds: 130 };
const problem = { code: 'engine.exit', message: 'm', hint: 'h', retryable: true, context: {} };

describe('a list of runs', () => {
  it('says how many more there are and how the queue stands', () => {
    const runs = [aRun({ place: { position: 1, waitSeconds: 130, retryAt: null } })];
    const lines = toRunListText({ runs, total: 994, queue }).split('\n');
    expect(lines.at(2)).toMatch(/#1, for 2 min 10 s$/);
    expect(lines.at(-1)).toBe(
      '993 more (--limit 994) · 994 queued, the oldest for 2 min 10 s · 6 running · 2 to be tried again',
    );
  });

  it('says when a run is tried again and why, and of an empty queue only that it is empty', () => {
    const retryAt = '2026-01-01T00:00:05.000Z';
    const runs = [aRun({ error: problem, place: { position: 1, waitSeconds: 9, retryAt } })];
    const idle = { queued: 0, running: 0, retrying: 0, oldestQueuedSeconds: 0 };
    const lines = toRunListText({ runs, total: 1, queue: idle }).split('\n');
    expect(lines.at(2)).toMatch(/engine[.]exit, again at 2026-01-01T00:00:05[.]000Z$/);
    expect(lines.at(-1)).toBe('0 queued · 0 running');
  });

  it.each([
    [0.2, '0 s'],
    [59.6, '1 min 0 s'],
    [3_599, '59 min 59 s'],
    [7_260, '2 h 1 min'],
  ])('shows %d seconds as %s', (seconds, shown) => expect(toAge(seconds)).toBe(shown));
});
