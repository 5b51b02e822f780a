import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Catalog } from '#common/catalog/catalog.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import type { ClaimOptions } from './run-queue.store.js';

let bed: CatalogTestBed;
let catalogs: Catalog[];

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  catalogs = [bed.catalog, await bed.another(), await bed.another()];
});
afterAll(() => bed.close());
beforeEach(() => bed.admin.query('TRUNCATE holdfast.runs CASCADE'));

const claim = (options: Partial<ClaimOptions> = {}, catalog = bed.catalog) =>
  catalog.transaction((tx) =>
    tx.runs.claimNext({
      kinds: ['backup', 'restore'],
      owner: 'one',
      ttlMs: 60_000,
      slots: { owner: 1_000, sourceHost: 1_000 },
      ...options,
    }),
  );

/** Every catalog claims with several hands until nothing is left to claim. */
async function claimAllAtOnce(options: (hand: number) => Partial<ClaimOptions>) {
  const hands = catalogs.flatMap((catalog) => [catalog, catalog, catalog]);
  const claimed = await Promise.all(
    hands.map(async (catalog, hand) => {
      const mine = [];
      for (
        let next = await claim(options(hand), catalog);
        next !== undefined;
        next = await claim(options(hand), catalog)
      ) {
        mine.push(next.run);
      }
      return mine;
    }),
  );
  return claimed.flat();
}

const expire = (runId: string) =>
  bed.admin.query(`UPDATE holdfast.runs SET claim_expires_at = now() - interval '1 ms' WHERE id = $1`, [runId]);

describe('the run queue', () => {
  it('takes a request once', async () => {
    const run = await bed.enqueue();
    expect(await bed.catalog.transaction((tx) => tx.runs.enqueue(run))).toBe(false);
    expect(await bed.catalog.transaction((tx) => tx.runs.list())).toHaveLength(1);
  });

  it('keeps the version that a request was written in, and gives no process one that is newer than it can read', async () => {
    const [old, ahead] = [await bed.enqueue({ requestVersion: 1 }), await bed.enqueue({ requestVersion: 2 })];
    const versions = { backup: 1 };
    expect((await claim({ versions }))?.run).toMatchObject({ id: old.id, requestVersion: 1 });
    expect(await claim({ versions })).toBeUndefined();
    expect((await claim({ versions: { backup: 2 } }))?.run).toMatchObject({ id: ahead.id, requestVersion: 2 });
  });

  it('gives each run to one worker, however many claim at the same time', async () => {
    for (let number = 0; number < 40; number += 1) await bed.enqueue();
    const claimed = await claimAllAtOnce((hand) => ({ owner: `hand-${hand}` }));
    expect(claimed).toHaveLength(40);
    expect(new Set(claimed.map(({ id }) => id)).size).toBe(40);
    expect(claimed.every(({ attempt, state }) => attempt === 1 && state === 'running')).toBe(true);
  });

  it('has one writing run per resource, and nothing of another resource waits for it', async () => {
    for (let number = 0; number < 10; number += 1) await bed.enqueue({ dataset: 'shop' });
    await bed.enqueue({ dataset: 'late' });
    const claimed = await claimAllAtOnce(() => ({}));
    expect(claimed.map(({ dataset }) => dataset).sort()).toEqual(['late', 'shop']);
    expect(await claim()).toBeUndefined();
  });

  it('never exceeds the slots of an owner and of a source host', async () => {
    for (let number = 0; number < 30; number += 1)
      await bed.enqueue({ sourceHost: number % 2 === 0 ? 'db-1' : 'db-2' });
    const claimed = await claimAllAtOnce((hand) => ({
      owner: `owner-${hand % 3}`,
      slots: { owner: 4, sourceHost: 5 },
    }));
    const per = (key: 'owner' | 'sourceHost') => Object.values(Object.groupBy(claimed, (run) => run[key] ?? ''));
    expect(claimed).toHaveLength(10);
    expect(per('owner').every((runs) => runs !== undefined && runs.length <= 4)).toBe(true);
    expect(per('sourceHost').map((runs) => runs?.length)).toEqual([5, 5]);
  });

  it('takes restores first, then by priority, then in order of arrival', async () => {
    const first = await bed.enqueue();
    const second = await bed.enqueue();
    const urgent = await bed.enqueue({ priority: 5 });
    const restore = await bed.enqueue({ kind: 'restore' });
    const order = [];
    for (let next = await claim(); next !== undefined; next = await claim()) order.push(next.run.id);
    expect(order).toEqual([restore.id, urgent.id, first.id, second.id]);
  });

  it('claims only kinds that were asked for', async () => {
    await bed.enqueue({ kind: 'verification' });
    expect(await claim()).toBeUndefined();
  });

  it('hands an expired claim over with the next attempt, and refuses the old one everything', async () => {
    const { id } = await bed.enqueue();
    const old = await claim();
    expect(await claim({ owner: 'two' })).toBeUndefined();
    await expire(id);
    const taken = await claim({ owner: 'two' });
    expect(taken?.claim).toMatchObject({ runId: id, attempt: 2, owner: 'two' });

    const lost = { code: 'claim.lost' };
    const stale = { runId: id, attempt: old?.claim.attempt ?? 0 };
    const problem = { code: 'engine.exit', message: '', hint: '', context: {} };
    const { catalog } = bed;
    await expect(catalog.transaction((tx) => tx.runs.settle(stale, { state: 'completed' }))).rejects.toMatchObject(
      lost,
    );
    await expect(catalog.transaction((tx) => tx.runs.renew(stale, 60_000))).rejects.toMatchObject(lost);
    await expect(catalog.transaction((tx) => tx.runs.requeue(stale, problem, { delayMs: 0 }))).rejects.toMatchObject(
      lost,
    );
    await expect(catalog.transaction((tx) => tx.runs.giveBack(stale))).rejects.toMatchObject(lost);
    await expect(catalog.transaction((tx) => tx.runs.progress(stale, {}))).rejects.toMatchObject(lost);
    await expect(catalog.transaction((tx) => tx.runs.assertHeld(stale))).rejects.toMatchObject(lost);
    expect(await catalog.transaction((tx) => tx.runs.load(id))).toMatchObject({
      state: 'running',
      attempt: 2,
      owner: 'two',
    });
  });

  it('keeps what follows under the claim: another worker that takes the run over waits for that transaction', async () => {
    const { id } = await bed.enqueue();
    const held = await claim();
    const ref = { runId: id, attempt: held?.claim.attempt ?? 0 };
    const isLocked = () =>
      bed.admin.query('SELECT FROM holdfast.runs WHERE id = $1 FOR UPDATE NOWAIT', [id]).then(
        () => false,
        ({ code }) => code === '55P03',
      );
    for (const assert of ['assertHeld', 'assertLive'] as const)
      await bed.catalog.transaction(async (tx) => {
        await tx.runs[assert](ref);
        expect(await isLocked()).toBe(true);
      });
    await expire(id);
    await expect(bed.catalog.transaction((tx) => tx.runs.assertLive(ref))).rejects.toMatchObject({
      code: 'claim.lost',
    });
    await bed.catalog.transaction((tx) => tx.runs.assertHeld(ref));
  });

  it('settles under the claim that holds, also when it has just expired, but renews it no more', async () => {
    const { id } = await bed.enqueue();
    const held = await claim();
    await expire(id);
    const ref = { runId: id, attempt: held?.claim.attempt ?? 0 };
    await expect(bed.catalog.transaction((tx) => tx.runs.renew(ref, 60_000))).rejects.toMatchObject({
      code: 'claim.lost',
    });
    const settled = await bed.catalog.transaction((tx) =>
      tx.runs.settle(ref, { state: 'completed', result: { rows: 3 } }),
    );
    expect(settled).toMatchObject({ state: 'completed', result: { rows: 3 }, claimExpiresAt: null });
    expect(settled.settledAt).toBeInstanceOf(Date);
  });

  it('waits for the delay of a requeued run, and counts its attempt; a run given back comes at once and uncounted', async () => {
    const { id } = await bed.enqueue({ maxAttempts: 2 });
    const problem = { code: 'engine.exit', message: 'pg_dump exited with 1', hint: 'Look.', context: {} };
    const first = await claim();
    await bed.catalog.transaction(async (tx) => first && tx.runs.requeue(first.claim, problem, { delayMs: 60_000 }));
    expect(await claim()).toBeUndefined();
    await bed.admin.query('UPDATE holdfast.runs SET run_after = now()');

    const second = await claim();
    expect(second?.run).toMatchObject({ attempt: 2, problem });
    await bed.catalog.transaction(async (tx) => second && tx.runs.giveBack(second.claim));
    expect((await claim())?.run).toMatchObject({ id, attempt: 3, attemptsForgiven: 1 });
  });

  it('claims no run that was cancelled, is overdue or has no attempt left; each is settled with its problem', async () => {
    const queued = await bed.enqueue();
    const overdue = await bed.enqueue({ deadlineAt: new Date('2020-01-01') });
    const exhausted = await bed.enqueue({ maxAttempts: 1 });
    const abandoned = await bed.enqueue();
    const held = await bed.enqueue();
    await bed.catalog.transaction((tx) => tx.runs.requestCancel(queued.id, 'not needed'));
    for (let next = await claim(); next !== undefined; ) next = await claim();
    await expire(exhausted.id);
    await expire(abandoned.id);
    for (const { id } of [abandoned, held]) await bed.catalog.transaction((tx) => tx.runs.requestCancel(id));
    expect(await claim()).toBeUndefined();

    const settle = () => bed.catalog.transaction((tx) => tx.runs.settleDue(['backup']));
    const settled = new Map<string, string>();
    for (let next = await settle(); next !== undefined; next = await settle()) {
      settled.set(next.run.id, `${next.run.state} ${next.problem.code}`);
    }
    expect(Object.fromEntries(settled)).toEqual({
      [queued.id]: 'cancelled run.cancelled',
      [overdue.id]: 'failed run.overdue',
      [exhausted.id]: 'failed run.exhausted',
      [abandoned.id]: 'cancelled run.cancelled',
    });
    expect(await bed.catalog.transaction((tx) => tx.runs.load(held.id))).toMatchObject({ state: 'running' });
    expect(await bed.catalog.transaction((tx) => tx.runs.load(queued.id))).toMatchObject({
      cancelReason: 'not needed',
    });
  });

  it('numbers the events of a run, pages the list, counts what is open', async () => {
    const runs = [await bed.enqueue(), await bed.enqueue({ dataset: 'shop' }), await bed.enqueue()];
    await claim();
    const { catalog } = bed;
    const [first] = runs;
    const next = () => catalog.transaction(async (tx) => first && tx.runs.nextSequence(first.id));
    expect([await next(), await next()]).toEqual([1, 2]);

    const page = await catalog.transaction((tx) => tx.runs.list({ limit: 2 }));
    expect(page.map(({ id }) => id)).toEqual([runs[2]?.id, runs[1]?.id]);
    const rest = await catalog.transaction((tx) => tx.runs.list({ limit: 2, before: page[1]?.number ?? 0 }));
    expect(rest.map(({ id }) => id)).toEqual([first?.id]);
    expect(await catalog.transaction((tx) => tx.runs.list({ dataset: 'shop', states: ['queued'] }))).toHaveLength(1);
    expect(await catalog.transaction((tx) => tx.runs.countOpen())).toEqual(
      expect.arrayContaining([
        { kind: 'backup', state: 'queued', count: 2, oldestAgeSeconds: expect.any(Number) },
        { kind: 'backup', state: 'running', count: 1, oldestAgeSeconds: expect.any(Number) },
      ]),
    );
    await expect(
      catalog.transaction((tx) => tx.runs.load('00000000-0000-4000-8000-000000000000' as never)),
    ).rejects.toMatchObject({ code: 'run.missing' });
  });
});
