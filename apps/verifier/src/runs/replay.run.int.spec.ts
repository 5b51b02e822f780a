import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BackupId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { manifestKey } from '#common/repository/layout.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { ReplayTestBed, type Shop } from '#common/testing/replay-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { replayRun } from './replay.run.js';

let replays: ReplayTestBed;
let backups: BackupTestBed;
let bed: RunTestBed;
let shop: Shop;
beforeAll(async () => {
  replays = await ReplayTestBed.open();
  shop = await replays.shop('orders', { read: 1, total: 5 });
  backups = await BackupTestBed.create();
  bed = await RunTestBed.open({
    repositories: { disk: { url: backups.repository.location } },
    datasets: {
      shop: {
        ...{ kind: 'postgres', url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] },
        topics: [{ name: shop.topic, groups: [shop.group] }],
      },
    },
  });
});
afterAll(async () => {
  await bed?.close();
  await replays?.close();
  await backups?.remove();
});

beforeEach(() => bed.clear());

const attempt = async (): Promise<void> => replayRun({ ...bed.deps, kafka: replays.kafka.kafka })(await bed.claim());

const asked = () => ({ dataset: 'shop', mode: 'reset', offsets: [{ topic: shop.topic, partition: 0, offset: '1' }] });

describe('a replay run', () => {
  it('moves no offset before its range is in the catalog', async () => {
    const run = await bed.enqueue('replay', asked());
    await bed.refuse('replay.started');
    await expect(attempt()).rejects.toThrow();
    expect(await replays.committed(shop)).toBe(5n);
    await bed.refuse(undefined);
    await attempt();
    expect([await bed.stateOf(run), await replays.committed(shop)]).toEqual(['completed', 1n]);
  });

  it('goes on in the range that an earlier attempt froze', async () => {
    await replays.commit(shop.group, shop.topic, 5n);
    const { id: runId } = await bed.enqueue('replay', asked());
    // The attempt before died after it had frozen the range, and before it moved anything.
    const offsets = [{ topic: shop.topic, partition: 0, offset: '1' }];
    const ask = { replayId: runId, mode: 'reset' as const, start: { offsets }, groups: [shop.group] };
    const plan = (await replays.plan(ask, { [shop.topic]: { modes: ['reset'] } })) as unknown as JsonObject;
    await bed.bed.catalog.transaction((tx) => tx.replays.begin({ runId, dataset: 'shop', mode: 'reset', plan }));
    await replays.produce(shop.topic, ['late-1', 'late-2']);
    await replays.commit(shop.group, shop.topic, 7n);
    await attempt();
    const { rows } = await bed.bed.admin.query('SELECT result FROM holdfast.replays WHERE run_id = $1', [runId]);
    expect(rows[0].result.partitions).toMatchObject([{ fromOffset: '1', toOffset: '5', replayed: 4 }]);
  });

  it('replays after a restore whose backup has expired', async () => {
    await replays.commit(shop.group, shop.topic, 5n);
    const manifest = await storeBackup(backups.repository, 1, { busPosition: shop.position });
    const backupId = manifest.backupId as BackupId;
    const { id: restoreRunId } = await bed.enqueue('restore', { dataset: 'shop', backup: backupId, target: 'staging' });
    await bed.bed.catalog.transaction(async (tx) => {
      await tx.backups.record(manifest, { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) });
      const what = { runId: restoreRunId, dataset: 'shop', backupId, target: 'staging', destination: 'shop' };
      await tx.restores.begin({ ...what, strategy: 'new', profile: null, safetyBackupId: null });
      await tx.restores.complete(restoreRunId, {});
      await tx.retention.expire(backupId, 'disk');
    });
    await bed.bed.admin.query(`UPDATE holdfast.runs SET state = 'completed', settled_at = now() WHERE id = $1`, [
      restoreRunId,
    ]);
    await backups.repository.remove(manifestKey(manifest.attemptKey), { signal: replays.signal });

    const run = await bed.enqueue('replay', { dataset: 'shop', mode: 'reset', restoreRunId });
    await attempt();
    expect([await bed.stateOf(run), await replays.committed(shop)]).toEqual(['completed', 1n]);
  });
});
