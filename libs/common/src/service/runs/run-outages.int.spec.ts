import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { RunLoopBed } from '#common/testing/run-loop-bed.js';

let loops: RunLoopBed;
beforeAll(async () => {
  loops = await RunLoopBed.open();
});
afterAll(() => loops.close());
afterEach(() => loops.clear());

describe('a source or storage that is away', () => {
  const away = () => new AppError('postgres.unreachable', 'cannot connect to shop: refused');
  const retry = { firstMs: 1, maxMs: 400 };

  it('does not use up the attempts of a run, which says since when it waits, and why, and goes on when it is back', async () => {
    const seen: { state: string; waitingSince: Date | null; code: string | undefined }[] = [];
    const { id } = await loops.bed.enqueue({ maxAttempts: 1 });
    loops.start(
      async (run) => {
        seen.push({ state: run.state, waitingSince: run.waitingSince, code: run.problem?.code });
        if (run.attempt <= 5) throw away();
        await loops.succeed(run);
      },
      { retry, patienceMs: { backup: 60_000 } },
    );
    expect(await loops.reaches(id, 'completed')).toMatchObject({ attempt: 6, attemptsForgiven: 5 });
    const [first, ...later] = seen;
    expect(first).toMatchObject({ waitingSince: null, code: undefined });
    expect(new Set(later.map(({ waitingSince }) => waitingSince?.getTime())).size).toBe(1);
    expect(new Set(later.map(({ code }) => code))).toEqual(new Set(['postgres.unreachable']));
    expect(await loops.events()).toEqual([]);
  });

  it('fails its run once the patience is over, with one fact and the cause', async () => {
    const { id } = await loops.bed.enqueue({ maxAttempts: 1 });
    const startedAt = performance.now();
    loops.start(
      async () => {
        throw away();
      },
      { retry: { firstMs: 10, maxMs: 400 }, patienceMs: { backup: 500, restore: 60_000 } },
    );
    const run = await loops.reaches(id, 'failed');
    expect(run).toMatchObject({ problem: { code: 'postgres.unreachable' } });
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    expect(run.attempt).toBeGreaterThan(2);
    expect(await loops.events()).toEqual([`${id} postgres.unreachable`]);
  });

  it('is waited for until the deadline, which then tells what was in the way', async () => {
    const now = await loops.bed.catalog.transaction((tx) => tx.now());
    const { id } = await loops.bed.enqueue({ maxAttempts: 1, deadlineAt: new Date(now.getTime() + 700) });
    loops.start(
      async () => {
        throw away();
      },
      { retry },
    );
    const run = await loops.reaches(id, 'failed');
    expect(run.problem).toMatchObject({ code: 'run.overdue', message: expect.stringContaining('shop: refused') });
    expect(run.attempt).toBeGreaterThan(1);
  });

  it('counts an attempt that had worked for long: it may not begin anew for ever', async () => {
    const { id } = await loops.bed.enqueue({ maxAttempts: 2 });
    loops.start(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 60));
        throw new AppError('repository.unavailable', 'the storage is away');
      },
      { retry: { firstMs: 1, maxMs: 50 }, patienceMs: { backup: 60_000 } },
    );
    expect(await loops.reaches(id, 'failed')).toMatchObject({ attempt: 2, attemptsForgiven: 0 });
  });
});
