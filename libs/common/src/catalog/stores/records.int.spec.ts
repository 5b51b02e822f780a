import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import { Manifest } from '#common/contracts/manifest.js';
import type { BackupId, RunId } from '#common/domain/ids.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';

let bed: CatalogTestBed;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());

const tx = <T>(work: (tx: CatalogTx) => Promise<T>) => bed.catalog.transaction(work);
const newRunId = () => randomUUID() as RunId;

const reserve = (dataset: string, runId = newRunId()) =>
  tx((stores) => stores.backups.reserve({ runId, dataset, method: 'dump', purpose: 'regular' }));

const aManifest = (backupId: BackupId, dataset: string, runId = newRunId()): Manifest =>
  Manifest.parse({
    formatVersion: 1,
    dataset,
    kind: 'postgres',
    method: 'dump',
    purpose: 'regular',
    backupId,
    runId,
    attempt: 1,
    attemptKey: `${dataset}/${backupId}/a1-0f`,
    startedAt: '2026-01-01T00:00:00Z',
    completedAt: '2026-01-01T00:01:00Z',
    holdfastVersion: '0.1.0',
    tools: {},
    objects: [
      { name: 'database.dump.zst', key: 'k', sizeBytes: 3_000_000_000, sha256: '0'.repeat(64), compression: 'zstd' },
    ],
    snapshotAt: '2026-01-01T00:00:30Z',
    source: 'database "shop"',
    sourceSizeBytes: 9_000_000_000,
    counts: { tables: 2, rows: 5_000_000_002 },
    facts: {},
    busPosition: null,
    restoreByHand: ['pg_restore'],
  });

describe('backups', () => {
  it('reserve one id per run and purpose, for all its attempts, sorting by time', async () => {
    const runId = newRunId();
    const first = await reserve('ids', runId);
    expect(await reserve('ids', runId)).toBe(first);
    const safety = await tx((stores) =>
      stores.backups.reserve({ runId, dataset: 'ids', method: 'dump', purpose: 'safety' }),
    );
    expect(safety).not.toBe(first);
    expect((await reserve('ids')) > first).toBe(true);
  });

  it('exist once their manifest is recorded; recording again changes nothing, also in further repositories', async () => {
    const id = await reserve('shop');
    const manifest = aManifest(id, 'shop');
    expect(await tx((stores) => stores.backups.list({ dataset: 'shop' }))).toEqual([]);
    for (const repository of ['onsite', 'onsite', 'offsite']) {
      await tx((stores) =>
        stores.backups.record(manifest, { repository, manifestKey: `${manifest.attemptKey}/manifest.json` }),
      );
    }
    expect(await tx((stores) => stores.backups.find(id))).toMatchObject({
      id,
      state: 'completed',
      sizeBytes: 3_000_000_000,
      sourceSizeBytes: 9_000_000_000,
      manifest,
    });
    const copies = await tx((stores) => stores.backups.copies(id));
    expect(copies.map(({ repository, state }) => `${repository} ${state}`)).toEqual([
      'onsite present',
      'offsite present',
    ]);
  });

  it('never change from one attempt to another', async () => {
    const id = await reserve('fixed');
    const manifest = aManifest(id, 'fixed');
    const copy = { repository: 'onsite', manifestKey: 'm' };
    await tx((stores) => stores.backups.record(manifest, copy));
    const late = { ...manifest, attempt: 2, attemptKey: `${manifest.attemptKey}-late` };
    await expect(tx((stores) => stores.backups.record(late, copy))).rejects.toMatchObject({ code: 'internal.bug' });
  });

  it('are listed newest first without their manifests, without mere reservations unless asked', async () => {
    const ids = [await reserve('list'), await reserve('list'), await reserve('list')] as const;
    for (const id of ids.slice(0, 2)) {
      await tx((stores) => stores.backups.record(aManifest(id, 'list'), { repository: 'r', manifestKey: 'm' }));
    }
    const list = (states?: 'reserved'[]) =>
      tx((stores) => stores.backups.list({ dataset: 'list', ...(states && { states }) }));
    const completed = await list();
    expect(completed.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
    const told = { kind: 'postgres', counts: { tables: 2, rows: 5_000_000_002 }, busPosition: 'none' };
    expect(completed[0]).toMatchObject({ dataset: 'list', manifest: undefined, ...told });
    expect(await tx((stores) => stores.backups.countCopies({ dataset: 'list' }))).toBe(2);
    expect((await list(['reserved'])).map(({ id }) => id)).toEqual([ids[2]]);
    const rest = await tx((stores) => stores.backups.list({ dataset: 'list', before: ids[1] }));
    expect(rest.map(({ id }) => id)).toEqual([ids[0]]);
  });

  it('that are older than the columns of a list get them from their manifests', async () => {
    const id = await reserve('old');
    await tx((stores) => stores.backups.record(aManifest(id, 'old'), { repository: 'r', manifestKey: 'm' }));
    const [after] = await tx((stores) => stores.backups.list({ dataset: 'old' }));
    await bed.admin.query('UPDATE holdfast.backups SET kind = NULL, counts = NULL');
    const migration = join(process.cwd(), 'libs/common/src/catalog/migrations/0022-counts-by-name.sql');
    const [, fill = ''] = /^(UPDATE[^;]*;)/m.exec(await readFile(migration, 'utf8')) ?? [];
    await bed.admin.query(fill);
    expect(await tx((stores) => stores.backups.list({ dataset: 'old' }))).toEqual([after]);
  });
});

describe('results', () => {
  it('keep what the first attempt decided', async () => {
    const { id: runId } = await bed.enqueue({ kind: 'restore' });
    const decision = { runId, dataset: 'shop', target: 't', destination: 'd', strategy: 'new', profile: null } as const;
    const begin = (backupId: BackupId) =>
      tx((stores) => stores.restores.begin({ ...decision, backupId, safetyBackupId: null }));
    const [first, second] = [await reserve('shop'), await reserve('shop')];
    await begin(first);
    expect(await begin(second)).toMatchObject({ backupId: first, completedAt: null });
    await tx((stores) => stores.restores.setSafetyBackup(runId, second));
    expect(await tx((stores) => stores.restores.complete(runId, { newer: [] }))).toMatchObject({
      safetyBackupId: second,
      result: { newer: [] },
      completedAt: expect.any(Date),
    });
  });

  it('freeze the range of a replay', async () => {
    const { id: runId } = await bed.enqueue({ kind: 'replay' });
    const begin = (to: string) =>
      tx((stores) => stores.replays.begin({ runId, dataset: 'shop', mode: 'reset', plan: { to } }));
    await begin('10');
    expect(await begin('20')).toMatchObject({ plan: { to: '10' } });
    expect(await tx((stores) => stores.replays.complete(runId, false, {}))).toMatchObject({ isComplete: false });
  });
});

describe('leases', () => {
  it('have one holder at a time, and a larger fence for each', async () => {
    const acquire = (owner: string) => tx((stores) => stores.leases.acquire('relay', owner, 60_000));
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(acquire));
    const [first] = answers.filter((lease) => lease !== undefined);
    expect(answers.filter((lease) => lease !== undefined)).toHaveLength(1);
    const old = { name: 'relay', fence: first?.fence ?? 0 };
    await tx((stores) => stores.leases.assertHeld(old));
    await tx((stores) => stores.leases.release(old));
    const second = await acquire('e');
    expect(second).toMatchObject({ owner: 'e', fence: old.fence + 1 });
    await expect(tx((stores) => stores.leases.renew(old, 60_000))).rejects.toMatchObject({ code: 'claim.lost' });
    await expect(tx((stores) => stores.leases.assertHeld(old))).rejects.toMatchObject({ code: 'claim.lost' });
    await tx((stores) => stores.leases.release(old));
    await tx((stores) => stores.leases.assertHeld({ name: 'relay', fence: second?.fence ?? 0 }));
  });

  it('that have expired are no longer held, even by who held them last', async () => {
    const lease = await tx((stores) => stores.leases.acquire('short', 'a', 0));
    const ref = { name: 'short', fence: lease?.fence ?? 0 };
    await expect(tx((stores) => stores.leases.renew(ref, 60_000))).rejects.toMatchObject({ code: 'claim.lost' });
  });
});

describe('the audit', () => {
  it.each([
    ['updated', `UPDATE holdfast.audit SET actor = 'nobody'`],
    ['updated without any row', `UPDATE holdfast.audit SET actor = 'nobody' WHERE false`],
    ['deleted', 'DELETE FROM holdfast.audit'],
    ['truncated', 'TRUNCATE holdfast.audit'],
    ['deleted as a replica', `SET LOCAL session_replication_role = replica; DELETE FROM holdfast.audit`],
  ])('cannot be %s', async (_what, statement) => {
    await tx((stores) => stores.audit.write({ actor: 'a', action: 'b', subject: 's', outcome: 'accepted' }));
    await expect(bed.admin.query(`BEGIN; ${statement}`)).rejects.toMatchObject({ code: '42501' });
    await bed.admin.query('ROLLBACK');
    expect(await tx((stores) => stores.audit.list({ subject: 's', limit: 1 }))).toMatchObject([{ actor: 'a' }]);
  });

  it('is paged, newest first', async () => {
    for (const outcome of ['1', '2', '3']) {
      await tx((stores) =>
        stores.audit.write({ actor: 'a', action: 'b', subject: 'paged', outcome, detail: { outcome } }),
      );
    }
    const page = await tx((stores) => stores.audit.list({ subject: 'paged', limit: 2 }));
    expect(page.map(({ outcome }) => outcome)).toEqual(['3', '2']);
    const rest = await tx((stores) => stores.audit.list({ subject: 'paged', before: page[1]?.id ?? 0 }));
    expect(rest.map(({ detail }) => detail)).toEqual([{ outcome: '1' }]);
  });
});
