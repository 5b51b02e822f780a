import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupId } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import { placeHold } from '#common/repository/holds.js';
import { expiringKey } from '#common/repository/layout.js';
import { listKeysOf } from '#common/testing/each-storage.js';
import { RetentionTestBed } from '#common/testing/retention-test-bed.js';
import { type Script, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { applyRetention } from './apply-retention.js';
import { planRetention } from './plan-retention.js';

const { signal } = new AbortController();
const DAY_MS = 86_400_000;

let bed: RetentionTestBed;

beforeAll(async () => {
  bed = await RetentionTestBed.open();
});
beforeEach(() => bed.begin());
afterEach(() => bed.end());
afterAll(() => bed?.close());

type Deps = ReturnType<RetentionTestBed['deps']>;

const plan = (deps: Deps) => planRetention('shop', deps, signal);
const apply = (deps: Deps = bed.deps()) => applyRetention('shop', deps, signal);

const said = async () => {
  const text = `SELECT event -> 'data' ->> 'backupId' AS id FROM holdfast.outbox WHERE event_type = 'backup.expired'`;
  return (await bed.bed.admin.query<{ id: string }>(text)).rows.map(({ id }) => id);
};

/** A sweep that looks at the storage fails. */
const looked = (): never => {
  throw new Error('looked');
};
const unseen: Script = { put: looked, list: looked };

/** The storage takes no markers of a sweep. */
const withoutMarkers: Script = {
  put: (put, key, body, o) => {
    if (!key.endsWith('/swept')) return put(key, body, o);
    throw new AppError('repository.denied', `${key} may not be written`);
  },
};

/** The storage does not let go of one backup. */
const sealing = (backupId: string): Script => ({
  remove: async (remove, key, o) => {
    if (key.includes(backupId) && /(manifest|expiring).json$/.test(key))
      throw new AppError('repository.locked', `${key} is locked until 2030`, { key });
    return remove(key, o);
  },
});

describe('a sweep', () => {
  it('says of every backup that it expired, also of one that the catalog has lost', async () => {
    const [known, lost] = [await bed.newBackup(1, 60), await bed.newBackup(2, 50, { isRecorded: false })];
    await bed.newBackup(3, 1);
    await apply();
    for (const expired of [known, lost]) await bed.letGraceEnd(expired);
    expect((await apply()).backups.map(({ outcome }) => outcome)).toEqual(['deleted', 'deleted']);
    expect(await said()).toEqual([known.backupId, lost.backupId]);
  });

  it('deletes what it may behind one backup that the storage will not let go, and says which and why', async () => {
    const [sealed, other] = [await bed.newBackup(1, 60), await bed.newBackup(2, 50)];
    await bed.newBackup(3, 1);
    const deps = bed.deps({ storage: new ScriptedRepository(bed.disk, sealing(sealed.backupId)) });
    await apply(deps);
    for (const expired of [sealed, other]) await bed.letGraceEnd(expired);
    expect((await apply(deps)).backups).toMatchObject([
      { id: sealed.backupId, outcome: 'locked', problem: expect.stringContaining('manifest.json') },
      { id: other.backupId, outcome: 'deleted' },
    ]);
    expect(await bed.isWhole(other)).toBe(false);
  });

  it('keeps what a rule wants again behind one whose mark the storage will not let go', async () => {
    const [sealed, other] = [await bed.newBackup(1, 60), await bed.newBackup(2, 50)];
    await bed.newBackup(3, 1);
    await apply();
    const deps = bed.deps({
      storage: new ScriptedRepository(bed.disk, sealing(sealed.backupId)),
      now: () => new Date(Date.now() - 40 * DAY_MS),
    });
    expect((await apply(deps)).backups).toMatchObject([
      { id: other.backupId, outcome: 'kept' },
      { id: sealed.backupId, outcome: 'locked' },
    ]);
    expect([await bed.isWhole(sealed), await bed.isWhole(other)]).toEqual([true, true]);
  });

  it('expires nothing early because a clock is ahead of the storage’s', async () => {
    const young = await bed.newBackup(1, 20);
    await bed.newBackup(2, 1);
    const ahead = bed.deps({ now: () => new Date(Date.now() + 60 * DAY_MS) });
    expect((await plan(ahead)).backups.map(({ isKept }) => isKept)).toEqual([true, true]);
    expect(await bed.isWhole(young)).toBe(true);
  });
});

describe('a backup that came to be although its run was given up', () => {
  async function leaveWhole(endedAs: 'cancelled' | 'failed' | 'queued'): Promise<Manifest> {
    const manifest = await storeBackup(bed.disk, 3, { snapshotAt: new Date(Date.now() - 1 * DAY_MS).toISOString() });
    const { id } = await bed.bed.enqueue({
      kind: 'backup',
      dataset: 'shop',
      request: { dataset: 'shop', method: 'dump' },
    });
    const reserved = { runId: id, dataset: 'shop', method: 'dump', purpose: 'regular' } as const;
    const as = await bed.bed.catalog.transaction((tx) => tx.backups.reserve(reserved));
    await bed.bed.admin.query('UPDATE holdfast.backups SET id = $2 WHERE id = $1', [as, manifest.backupId]);
    const settle = `UPDATE holdfast.runs SET state = $2, problem = '{}', settled_at = now() WHERE id = $1`;
    if (endedAs !== 'queued') await bed.bed.admin.query(settle, [id, endedAs]);
    return manifest;
  }

  it('counts for no rule, goes with the next sweeps, and no event speaks of it', async () => {
    const only = await bed.newBackup(1, 60);
    const left = await leaveWhole('cancelled');
    expect((await apply()).backups).toEqual([{ id: left.backupId, outcome: 'marked' }]);
    await bed.letGraceEnd(left);
    expect((await apply()).backups).toMatchObject([{ id: left.backupId, outcome: 'deleted' }]);
    expect([await bed.isWhole(left), await bed.isWhole(only), await said()]).toEqual([false, true, []]);
  });

  it('stays while backups fail: it may be the newest that there is', async () => {
    const left = await leaveWhole('failed');
    expect((await apply()).backups).toEqual([]);
    expect(await bed.isWhole(left)).toBe(true);
  });

  it('is left alone while its run is open: the next attempt adopts it', async () => {
    const left = await leaveWhole('queued');
    expect((await apply()).backups).toEqual([]);
    expect(await bed.isWhole(left)).toBe(true);
  });
});

describe('two sweeps of one dataset', () => {
  /** One that stands still in the middle of a deletion, after it has looked at holds for the last time. */
  async function standStill(expired: Manifest) {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    let looks = 0;
    const storage = new ScriptedRepository(bed.disk, {
      stat: async (stat, key, o) => {
        const found = await stat(key, o);
        if (key !== expiringKey('shop', expired.backupId) || looks++ === 0) return found;
        reach();
        await mayGoOn;
        return found;
      },
    });
    const deps = bed.deps({ storage, catalog: await bed.bed.another() });
    const sweeping = apply(deps);
    sweeping.catch(() => undefined);
    await reached;
    return { sweeping, goOn };
  }

  it('never work at once: the second is refused and changes nothing', async () => {
    const expired = await bed.newBackup(1, 60);
    await bed.newBackup(2, 1);
    await apply();
    await bed.letGraceEnd(expired);
    const { sweeping, goOn } = await standStill(expired);
    await expect(apply()).rejects.toMatchObject({ code: 'retention.busy', retryable: true });
    goOn();
    expect((await sweeping).backups).toMatchObject([{ id: expired.backupId, outcome: 'deleted' }]);
  });

  it('decide with the lease in hand, and not on what one saw before another worked', async () => {
    const lease = await bed.bed.catalog.transaction((tx) =>
      tx.leases.acquire('retention shop', 'another sweep', 60_000),
    );
    const deps = bed.deps({ storage: new ScriptedRepository(bed.disk, unseen) });
    await expect(apply(deps)).rejects.toMatchObject({ code: 'retention.busy' });
    if (lease !== undefined) await bed.bed.catalog.transaction((tx) => tx.leases.release(lease));
    await expect(apply(deps)).rejects.toThrow('looked');
  });

  it('lose no hold that came in between: a sweep that froze before it told the catalog deletes nothing when it thaws', async () => {
    const expired = await bed.newBackup(1, 60);
    await bed.newBackup(2, 1);
    await apply();
    await bed.letGraceEnd(expired);
    const { sweeping, goOn } = await standStill(expired);
    // It was silent for too long, and a restore of the backup was asked for meanwhile.
    await bed.bed.admin.query(`UPDATE holdfast.leases SET expires_at = clock_timestamp()`);
    const request = { dataset: 'shop', backup: expired.backupId, target: 't' };
    const { id } = await bed.bed.enqueue({ kind: 'restore', dataset: 'shop', request });
    expect((await apply()).backups).toEqual([{ id: expired.backupId, outcome: 'kept' }]);
    await placeHold(
      bed.disk,
      { ...{ dataset: 'shop', backupId: expired.backupId, name: 'audit' }, reason: '', by: 'spec', livesMs: null },
      { signal },
    );
    await bed.bed.admin.query(`UPDATE holdfast.runs SET state = 'completed', settled_at = now() WHERE id = $1`, [id]);
    goOn();
    await expect(sweeping).rejects.toMatchObject({ code: 'claim.lost' });
    expect([await bed.isWhole(expired), await bed.stateOf(expired), await said()]).toEqual([true, 'completed', []]);
  });

  it('finish what an earlier one has told the catalog, whatever the rules say by then', async () => {
    const expired = await bed.newBackup(1, 60);
    await bed.newBackup(2, 1);
    await apply();
    await bed.letGraceEnd(expired);
    await bed.bed.catalog.transaction((tx) => tx.retention.expire(expired.backupId as BackupId, 'disk'));
    await bed.bed.enqueue({ kind: 'restore', dataset: 'shop', request: { dataset: 'shop', backup: expired.backupId } });
    expect((await apply()).backups).toMatchObject([{ id: expired.backupId, outcome: 'deleted' }]);
    expect(await bed.isWhole(expired)).toBe(false);
  });

  it('finish the expiry of a backup that the catalog had lost, and write one event of it', async () => {
    const lost = await bed.newBackup(1, 60, { isRecorded: false });
    await bed.newBackup(2, 1);
    await apply();
    await bed.letGraceEnd(lost);
    const deps = bed.deps({ storage: new ScriptedRepository(bed.disk, withoutMarkers) });
    for (let sweeps = 0; sweeps < 2; sweeps += 1)
      expect((await apply(deps)).backups).toMatchObject([{ outcome: 'failed' }]);
    const rules = { now: () => new Date(Date.now() - 40 * DAY_MS) };
    expect((await apply(bed.deps(rules))).backups).toMatchObject([{ id: lost.backupId, outcome: 'deleted' }]);
    expect([await bed.isWhole(lost), await said()]).toEqual([false, [lost.backupId]]);
  });

  it('finish what an earlier one has told the catalog, also when the backup has lost an object since', async () => {
    const expired = await bed.newBackup(1, 60);
    await bed.newBackup(2, 1);
    await apply();
    await bed.letGraceEnd(expired);
    await bed.disk.remove(expired.objects[0]?.key ?? '', { signal });
    expect([(await apply()).backups, (await plan(bed.deps())).damaged]).toMatchObject([[], [{ id: expired.backupId }]]);
    await bed.bed.catalog.transaction((tx) => tx.retention.expire(expired.backupId as BackupId, 'disk'));
    expect((await apply()).backups).toMatchObject([{ id: expired.backupId, outcome: 'deleted' }]);
    expect(await listKeysOf(bed.disk, `shop/${expired.backupId}`)).toEqual([]);
  });
});
