import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BackupId } from '#common/domain/ids.js';
import { expiringKey, holdKey, manifestKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { applyPlan } from './apply-retention.js';
import type { DatasetPlan } from './plan-retention.js';

const { signal } = new AbortController();

let backups: BackupTestBed;
let bed: RunTestBed;
beforeAll(async () => {
  backups = await BackupTestBed.create();
  bed = await RunTestBed.open({
    repositories: { disk: { url: backups.repository.location } },
    datasets: { shop: { kind: 'postgres', url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] } },
  });
});
afterAll(async () => {
  await bed?.close();
  await backups?.remove();
});

beforeEach(() => bed.clear());

describe('a sweep', () => {
  it('keeps a backup that a run was queued for since the plan was made, and deletes it when no run reads it', async () => {
    const { backupId, sweep, state, find } = await expired(1);
    const run = await bed.enqueue('restore', { dataset: 'shop', backup: backupId, target: 'staging' });
    expect([await sweep(), await state()]).toEqual(['held', 'completed']);
    expect(await find()).toBeDefined();
    await bed.bed.admin.query(`DELETE FROM holdfast.runs WHERE id = $1`, [run.id]);
    expect([await sweep(), await state()]).toEqual(['deleted', 'expired']);
    expect(await bed.said()).toEqual(['backup.expired']);
  });

  it('keeps a backup that was restored within a day, and one whose restore a replay starts from', async () => {
    const { backupId, sweep } = await expired(3);
    const restore = await bed.enqueue('restore', { dataset: 'shop', backup: 'latest', target: 'staging' });
    const what = {
      runId: restore.id,
      dataset: 'shop',
      backupId: backupId as BackupId,
      target: 'staging',
      destination: 'shop',
    };
    await bed.bed.catalog.transaction(async (tx) => {
      await tx.restores.begin({ ...what, strategy: 'new', profile: null, safetyBackupId: null });
      await tx.restores.complete(restore.id, {});
    });
    const { admin } = bed.bed;
    await admin.query(`UPDATE holdfast.runs SET state = 'completed', settled_at = now() WHERE id = $1`, [restore.id]);
    expect(await sweep()).toBe('held');
    await admin.query(`UPDATE holdfast.restores SET completed_at = now() - interval '25 h' WHERE run_id = $1`, [
      restore.id,
    ]);
    const replay = await bed.enqueue('replay', { dataset: 'shop', mode: 'reset', restoreRunId: restore.id });
    expect(await sweep()).toBe('held');
    await admin.query(`DELETE FROM holdfast.runs WHERE id = $1`, [replay.id]);
    expect(await sweep()).toBe('deleted');
  });

  it('expires row and fact together or neither, and deletes nothing before', async () => {
    const { sweep, state, find } = await expired(2);
    await bed.refuse('backup.expired');
    await expect(sweep()).rejects.toThrow();
    expect([await state(), await bed.said()]).toEqual(['completed', []]);
    expect(await find()).toBeDefined();
    await bed.refuse(undefined);
    expect([await sweep(), await state(), await bed.said()]).toEqual(['deleted', 'expired', ['backup.expired']]);
  });
});

it('a sweep marks as many as its cap says and deletes as many, and what is held takes no other backup’s turn', async () => {
  const ids: string[] = [];
  for (const minute of [11, 12, 13, 14, 15, 16, 17, 18])
    ids.push((await storeBackup(backups.repository, minute)).backupId);
  const [held = '', ...others] = ids;
  const hold = { formatVersion: 1, name: 'audit', reason: '', by: 'spec', livesMs: null };
  await backups.repository.put(holdKey('shop', held, 'audit'), Buffer.from(JSON.stringify(hold)), { signal });
  const marked = [held, ...others.slice(0, 3)];
  for (const id of marked) await mark(id);
  const oldestFirst = ids.map((id) => toPlanned(id, marked.includes(id)));
  const plan = { ...EMPTY, cap: 2, backups: oldestFirst.toReversed() };
  const applied = await applyPlan(plan, { ...bed.deps, lease: undefined, now: () => new Date() }, signal);
  expect(applied.backups.map(({ outcome }) => outcome)).toEqual(['held', 'deleted', 'deleted', 'marked', 'marked']);
  expect(applied.left).toBe(3);
});

const EMPTY = { dataset: 'shop', repository: 'disk', refusals: [], halfDeleted: [], damaged: [], reachFrom: null };

const toPlanned = (id: string, isMarked: boolean): DatasetPlan['backups'][number] => ({
  ...{ id, method: 'dump', snapshotAt: '2026-01-01T00:00:00Z', purpose: 'regular', needs: [], sizeBytes: 8 },
  ...{
    isDamaged: false,
    isVerified: false,
    isDeletionRequested: false,
    isHeld: false,
    suspicious: [],
    acceptance: null,
  },
  ...{ isKept: false, isMarked, reasons: ['older than 30d'] },
});

async function mark(backupId: string): Promise<void> {
  const text = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
  await backups.repository.put(expiringKey('shop', backupId), text, { signal });
}

/** A backup in repository and catalog that no rule keeps, and whose grace is over. */
async function expired(minute: number) {
  const manifest = await storeBackup(backups.repository, minute);
  const { backupId } = manifest;
  const copy = { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) };
  await bed.bed.catalog.transaction((tx) => tx.backups.record(manifest, copy));
  const plan: DatasetPlan = { ...EMPTY, cap: 10, backups: [toPlanned(backupId, true)] };
  const sweep = async () => {
    await mark(backupId);
    const applied = await applyPlan(plan, { ...bed.deps, lease: undefined, now: () => new Date() }, signal);
    return applied.backups[0]?.outcome;
  };
  const state = async () => {
    const { rows } = await bed.bed.admin.query('SELECT state FROM holdfast.backups WHERE id = $1', [backupId]);
    return rows[0].state;
  };
  return { backupId, sweep, state, find: () => findBackup(backups.repository, 'shop', backupId, { signal }) };
}
