import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { RunId } from '#common/domain/ids.js';
import type { RunState } from '#common/domain/run.js';
import { AppError } from '#common/errors/app-error.js';
import type { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { RunLoopBed } from '#common/testing/run-loop-bed.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import type { RunHandler } from './attempt-options.js';
import type { RunLoopOptions } from './run-loop.js';

let loops: RunLoopBed;
let bed: CatalogTestBed;

beforeAll(async () => {
  loops = await RunLoopBed.open();
  bed = loops.bed;
});
afterAll(() => loops.close());
afterEach(() => loops.clear());

const start = (handler: RunHandler, options?: Partial<RunLoopOptions>) => loops.start(handler, options);
const succeed = (run: ClaimedRun, catalog: Catalog = bed.catalog) => loops.succeed(run, catalog);
const load = (id: RunId) => loops.load(id);
const reaches = (id: RunId, state: RunState) => loops.reaches(id, state);
const events = () => loops.events();
/** Work that ends only by its signal, with the signal's reason, as every engine does. */
const untilAborted = ({ claim: { signal } }: ClaimedRun) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
/** A handler that tells the spec when it has begun. */
function announced(handler: RunHandler) {
  const { promise: begun, resolve } = Promise.withResolvers<ClaimedRun>();
  return {
    begun,
    handler: (run: ClaimedRun) => {
      resolve(run);
      return handler(run);
    },
  };
}

describe('the run loop', () => {
  it('works on what is queued, before it started and after, once each, by any number of loops', async () => {
    const done: RunId[] = [];
    const early = await bed.enqueue();
    const handler = async (run: ClaimedRun) => {
      await succeed(run);
      done.push(run.id);
    };
    start(handler);
    start(handler, { catalog: await bed.another() });
    const late = [];
    for (let number = 0; number < 10; number += 1) late.push(await bed.enqueue());
    const all = [early, ...late].map(({ id }) => id);
    for (const id of all) await reaches(id, 'completed');
    expect([...done].sort()).toEqual(all.sort());
    expect(await events()).toEqual([]);
  });

  it('is woken by a new run, without waiting for the poll', async () => {
    start(succeed as RunHandler, { pollMs: 3_600_000 });
    await bed.catalog.transaction((tx) => tx.now());
    const { id } = await bed.enqueue();
    await reaches(id, 'completed');
  });

  it('holds as many runs as it may, and no more', async () => {
    const counts: number[] = [];
    const runs = [];
    for (let number = 0; number < 8; number += 1) runs.push(await bed.enqueue());
    let alone: (() => void) | undefined;
    start(
      async (run) => {
        // No run ends before a second one has come, and a third would have had its chance.
        if (alone === undefined)
          await new Promise<void>((resolve) => {
            alone = resolve;
          });
        else {
          alone();
          alone = undefined;
        }
        const open = await bed.catalog.transaction((tx) => tx.runs.countOpen());
        counts.push(open.find(({ state }) => state === 'running')?.count ?? 0);
        await succeed(run);
      },
      { concurrency: 2 },
    );
    for (const { id } of runs) await reaches(id, 'completed');
    expect(Math.max(...counts)).toBe(2);
  });

  it('tries again what may pass later, and settles it with one fact when no attempt is left', async () => {
    const attempts: number[] = [];
    const { id } = await bed.enqueue({ maxAttempts: 3 });
    start(async (run) => {
      attempts.push(run.attempt);
      throw new AppError('engine.exit', 'pg_dump exited with 1', { exitCode: 1 });
    });
    expect(await reaches(id, 'failed')).toMatchObject({
      problem: { code: 'engine.exit', context: { exitCode: 1 }, hint: expect.any(String) },
    });
    expect(attempts).toEqual([1, 2, 3]);
    expect(await events()).toEqual([`${id} engine.exit`]);
  });

  it('does not try again what cannot pass, nor an unexpected error', async () => {
    const refused = await bed.enqueue({ dataset: 'refused' });
    const broken = await bed.enqueue({ dataset: 'broken' });
    start(async (run) => {
      if (run.dataset === 'refused') throw new AppError('engine.spawn', 'pg_dump is absent');
      throw new TypeError('undefined is not a function');
    });
    expect(await reaches(refused.id, 'failed')).toMatchObject({ attempt: 1, problem: { code: 'engine.spawn' } });
    expect(await reaches(broken.id, 'failed')).toMatchObject({ attempt: 1, problem: { code: 'internal.bug' } });
  });

  it('settles as a defect a run whose handler returned without settling it', async () => {
    const { id } = await bed.enqueue();
    start(async () => undefined);
    expect(await reaches(id, 'failed')).toMatchObject({ problem: { code: 'internal.bug' } });
  });

  it('aborts a run that was cancelled, and settles it with the reason', async () => {
    const { begun, handler } = announced(untilAborted);
    const { id } = await bed.enqueue();
    start(handler, { pollMs: 3_600_000 });
    const run = await begun;
    await bed.catalog.transaction((tx) => tx.runs.requestCancel(id, 'wrong night'));
    expect(await reaches(id, 'cancelled')).toMatchObject({
      problem: { code: 'run.cancelled' },
      cancelReason: 'wrong night',
    });
    expect(run.claim.signal.reason).toMatchObject({
      code: 'run.cancelled',
      message: expect.stringContaining('wrong night'),
    });
    expect(await events()).toEqual([`${id} run.cancelled`]);
  });

  it('settles a queued run that was cancelled, with its event, though no worker ever held it', async () => {
    const { begun, handler } = announced(untilAborted);
    const holder = await bed.enqueue({ dataset: 'shop' });
    const waiting = await bed.enqueue({ dataset: 'shop' });
    start(handler, { pollMs: 3_600_000 });
    await begun;
    await bed.catalog.transaction((tx) => tx.runs.requestCancel(waiting.id));
    expect(await reaches(waiting.id, 'cancelled')).toMatchObject({ attempt: 0 });
    expect(await events()).toEqual([`${waiting.id} run.cancelled`]);
    expect(await load(holder.id)).toMatchObject({ state: 'running' });
  });

  it('aborts a run at its deadline', async () => {
    const { begun, handler } = announced(untilAborted);
    const now = await bed.catalog.transaction((tx) => tx.now());
    const { id } = await bed.enqueue({ deadlineAt: new Date(now.getTime() + 400) });
    start(handler);
    await begun;
    expect(await reaches(id, 'failed')).toMatchObject({ attempt: 1, problem: { code: 'run.overdue' } });
    expect(await events()).toEqual([`${id} run.overdue`]);
  });

  it('settles a run whose last attempt vanished, with its event', async () => {
    const { id } = await bed.enqueue({ maxAttempts: 1 });
    await bed.catalog.transaction((tx) =>
      tx.runs.claimNext({ kinds: ['backup'], owner: 'vanished', ttlMs: 1, slots: { owner: 9, sourceHost: 9 } }),
    );
    start(succeed as RunHandler);
    expect(await reaches(id, 'failed')).toMatchObject({ problem: { code: 'run.exhausted' } });
    expect(await events()).toEqual([`${id} run.exhausted`]);
  });

  it('lets go of a cancelled run whose work does not end, so that it is settled all the same', async () => {
    const { id } = await bed.enqueue();
    const { begun, handler } = announced(() => new Promise<never>(() => undefined));
    start(handler, { claimTtlMs: 600, renewMs: 100, letGoAfterMs: 100, abortMs: 0 });
    await begun;
    await bed.catalog.transaction((tx) => tx.runs.requestCancel(id));
    await reaches(id, 'cancelled');
    const { rows } = await bed.admin.query('SELECT event_id FROM holdfast.outbox');
    expect(rows).toEqual([{ event_id: `${id} run.cancelled` }]);
  });

  it('is not held up by a run whose fact cannot be made', async () => {
    const poison = await bed.enqueue({ dataset: 'poison' });
    const other = await bed.enqueue();
    const next = await bed.enqueue();
    for (const { id } of [poison, other]) await bed.catalog.transaction((tx) => tx.runs.requestCancel(id));
    start(succeed as RunHandler, {
      onFailed: async ({ dataset }) => {
        if (dataset === 'poison') throw new AppError('request.invalid', 'the fact does not fit its schema');
      },
    });
    await reaches(other.id, 'cancelled');
    await reaches(next.id, 'completed');
    expect(await load(poison.id)).toMatchObject({ state: 'queued' });
  });

  it('gives its runs back at shutdown, uncounted, and another worker goes on', async () => {
    const { begun, handler } = announced(untilAborted);
    const { id } = await bed.enqueue({ maxAttempts: 1 });
    const leaving = start(handler);
    const run = await begun;
    await leaving.stop();
    expect(run.claim.signal.reason).toMatchObject({ code: 'run.interrupted' });
    expect(await load(id)).toMatchObject({ state: 'queued', attempt: 1, attemptsForgiven: 1 });
    start(succeed as RunHandler);
    expect(await reaches(id, 'completed')).toMatchObject({ attempt: 2 });
  });

  it('lets running work end at shutdown when it is in time, and claims nothing more', async () => {
    const { promise: mayEnd, resolve: letEnd } = Promise.withResolvers<void>();
    const { begun, handler } = announced(async (run) => {
      await mayEnd;
      await succeed(run);
    });
    const first = await bed.enqueue();
    const leaving = start(handler, { concurrency: 1, drainMs: 10_000 });
    await begun;
    const second = await bed.enqueue();
    const stopped = leaving.stop();
    letEnd();
    await stopped;
    expect((await load(first.id)).state).toBe('completed');
    expect((await load(second.id)).state).toBe('queued');
  });

  it('aborts by itself when the catalog is out of reach, before another worker can have the run', async () => {
    const { hostname, port } = new URL(bed.url);
    const gate = await TcpGate.open({ host: hostname, port: Number(port) });
    const gated = await bed.another(gate.rewrite(bed.url));
    const { id } = await bed.enqueue();
    const lonely = announced(untilAborted);
    start(lonely.handler, { catalog: gated, claimTtlMs: 2_000, renewMs: 200 });
    const run = await lonely.begun;
    gate.shut();
    const aborted = new Promise((resolve) => run.claim.signal.addEventListener('abort', resolve));
    const taken = announced(succeed as RunHandler);
    start(taken.handler);
    const order: string[] = [];
    await Promise.all([aborted.then(() => order.push('aborted')), taken.begun.then(() => order.push('taken over'))]);
    expect(order).toEqual(['aborted', 'taken over']);
    expect(run.claim.signal.reason).toMatchObject({ code: 'claim.lost' });
    expect(await reaches(id, 'completed')).toMatchObject({ attempt: 2 });
    await expect(succeed(run)).rejects.toMatchObject({ code: 'claim.lost' });
    gate.reopen();
    await loops.clear();
    await gate.close();
  });
});
