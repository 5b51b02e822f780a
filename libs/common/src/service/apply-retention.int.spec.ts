import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BackupId } from '#common/domain/ids.js';
import { expiringKey, manifestKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { applyRetention } from './apply-retention.js';
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

describe('a sweep', () => {
  it('keeps a backup that a run was queued for since the plan was made, and deletes it when nobody reads it', async () => {
    const { backupId, attemptKey } = await stored();
    const plan: DatasetPlan = {
      ...{ dataset: 'shop', repository: 'disk', refusal: null, cap: 10, halfDeleted: [], unreadable: [] },
      backups: [
        {
          ...{ id: backupId, snapshotAt: '2026-01-01T00:00:00Z', purpose: 'regular', sizeBytes: 8 },
          ...{ isKept: false, isMarked: true, reasons: ['older than 30d'] },
        },
      ],
    };
    const sweep = async () => {
      const mark = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
      await backups.repository.put(expiringKey('shop', backupId), mark, { signal });
      const { backups: outcomes } = await applyRetention(plan, { ...bed.deps, now: () => new Date() }, signal);
      const [row] = (await bed.bed.admin.query('SELECT state FROM holdfast.backups WHERE id = $1', [backupId])).rows;
      return [outcomes, row.state];
    };
    const run = await bed.enqueue('restore', { dataset: 'shop', backup: backupId, target: 'staging' });
    expect(await sweep()).toEqual([[{ id: backupId, outcome: 'held' }], 'completed']);
    expect(await findBackup(backups.repository, 'shop', backupId, { signal })).toMatchObject({ attemptKey });
    await bed.bed.admin.query(`DELETE FROM holdfast.runs WHERE id = $1`, [run.id]);
    expect(await sweep()).toEqual([[{ id: backupId, outcome: 'deleted' }], 'expired']);
    expect(await bed.said()).toEqual(['backup.expired']);
  });
});

/** In the repository and in the catalog. */
async function stored() {
  const manifest = await storeBackup(backups.repository, 1);
  const copy = { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) };
  const { id } = await bed.bed.catalog.transaction((tx) => tx.backups.record(manifest, copy));
  return { ...manifest, backupId: id satisfies BackupId };
}
