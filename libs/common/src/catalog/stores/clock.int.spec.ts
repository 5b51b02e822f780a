import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import type { ClaimOptions } from './runs/run-queue.store.js';

const TTL_MS = 60_000;
const HOUR_MS = 3_600_000;

let bed: CatalogTestBed;
beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());
beforeEach(() => bed.admin.query('TRUNCATE holdfast.runs CASCADE'));

const claim = (options: Partial<ClaimOptions> = {}) =>
  bed.catalog.transaction((tx) =>
    tx.runs.claimNext({
      ...{ kinds: ['backup'], owner: 'one', ttlMs: TTL_MS, slots: { owner: 10, sourceHost: 10 } },
      ...options,
    }),
  );
const follow = () => bed.catalog.transaction((tx) => tx.clock.follow());
const acquire = (owner: string) => bed.catalog.transaction((tx) => tx.leases.acquire('relay', owner, TTL_MS));

/** As if everything so far had been written by a clock that was an hour ahead. */
async function setBack(): Promise<void> {
  const hour = `interval '1 hour'`;
  await bed.admin.query(
    `UPDATE holdfast.runs SET claim_expires_at = claim_expires_at + ${hour}, run_after = run_after + ${hour}`,
  );
  await bed.admin.query(`UPDATE holdfast.leases SET expires_at = expires_at + ${hour}`);
  // Of their own: what writes the instants writes this one with them.
  await bed.admin.query(`UPDATE holdfast.runs SET timed_at = timed_at + ${hour}`);
  await bed.admin.query(`UPDATE holdfast.leases SET timed_at = timed_at + ${hour}`);
}

/** From now, by the database's clock. */
async function leftMs(instant: string, table: string): Promise<number> {
  const { rows } = await bed.admin.query(
    `SELECT extract(epoch FROM ${instant} - clock_timestamp())::float8 * 1000 AS ms FROM holdfast.${table}`,
  );
  return Number(rows[0].ms);
}

describe('what a clock wrote that was set back by an hour since', () => {
  it('keeps no dead holder’s claim for longer than its time to live', async () => {
    await bed.enqueue();
    await claim();
    await setBack();
    expect(await leftMs('claim_expires_at', 'runs')).toBeGreaterThan(HOUR_MS - TTL_MS);
    expect(await follow()).toEqual([expect.objectContaining({ aheadSeconds: expect.closeTo(HOUR_MS / 1_000, -2) })]);
    expect(await leftMs('claim_expires_at', 'runs')).toBeLessThanOrEqual(TTL_MS);
  });

  it('takes no claim from a holder that lives: it has its whole time again, and the fence is as it was', async () => {
    await bed.enqueue();
    const held = await claim();
    await setBack();
    await follow();
    expect(await leftMs('claim_expires_at', 'runs')).toBeGreaterThan(TTL_MS / 2);
    expect(await claim({ owner: 'another' })).toBeUndefined();
    if (held === undefined) throw new Error('nothing was claimed');
    await bed.catalog.transaction((tx) => tx.runs.renew(held.claim, TTL_MS));
    await bed.catalog.transaction((tx) => tx.runs.assertHeld(held.claim));
    expect(await follow()).toEqual([]);
  });

  it('keeps no run waiting that no worker has claimed', async () => {
    await bed.enqueue();
    await setBack();
    expect(await claim()).toBeUndefined();
    await follow();
    expect(await claim()).toBeDefined();
  });

  it('shortens no wait between attempts', async () => {
    await bed.enqueue();
    const held = await claim();
    if (held === undefined) throw new Error('nothing was claimed');
    const problem = { code: 'engine.exit', message: 'pg_dump ended', context: {}, hint: 'Look.' } as const;
    await bed.catalog.transaction((tx) => tx.runs.requeue(held.claim, problem as never, { delayMs: TTL_MS }));
    await setBack();
    await follow();
    const waitMs = await leftMs('run_after', 'runs');
    expect(waitMs).toBeGreaterThan(TTL_MS / 2);
    expect(waitMs).toBeLessThanOrEqual(TTL_MS);
  });

  it('keeps no dead holder’s lease for longer than its time to live, and takes none from one that lives', async () => {
    const held = await acquire('one');
    await setBack();
    expect(await acquire('another')).toBeUndefined();
    expect(await leftMs('expires_at', 'leases')).toBeLessThanOrEqual(TTL_MS);
    if (held === undefined) throw new Error('nothing was acquired');
    await bed.catalog.transaction((tx) => tx.leases.assertHeld(held));
    await bed.catalog.transaction((tx) => tx.leases.renew(held, TTL_MS));
  });
});

describe('what a clock wrote that is right', () => {
  it('stays as it is', async () => {
    await bed.enqueue();
    await claim();
    expect(await follow()).toEqual([]);
    await acquire('one');
    expect(await acquire('another')).toBeUndefined();
  });
});
