import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { planRecovery } from '#common/operations/recovery/recover-dataset.js';
import { RecoveryBed } from '#common/testing/recovery-bed.js';
import { choosePoint } from './choose-point.js';
import { listMoments } from './list-moments.js';

const { signal } = new AbortController();
let bed: RecoveryBed;
let base: Manifest;

beforeAll(async () => {
  bed = await RecoveryBed.create();
  base = await bed.base();
  await bed.writeRows();
}, 120_000);
afterAll(() => bed?.remove());

/** As the configuration of a point has it. */
async function choose(wantedAt: string | undefined, method?: string) {
  const { repository } = bed.backups;
  const question = { dataset: base.dataset, refersTo: [], method, isArchived: true };
  const moments = await listMoments(question, repository, signal);
  return choosePoint({ point: 'platform', wantedAt, maxSkewMs: 0 }, [moments]);
}

describe('a member whose WAL is archived', () => {
  it('comes back to exactly the wanted instant, by a recovery that is possible', async () => {
    const wantedAt = new Date(bed.committed(10).before).toISOString();
    const { at, members } = await choose(wantedAt);
    expect(at).toBe(wantedAt);
    const [{ recovery, backupId } = { recovery: null, backupId: null }] = members;
    expect({ recovery, backupId }).toEqual({
      recovery: { target: { kind: 'time', at: wantedAt }, inclusive: true },
      backupId: null,
    });
    if (recovery === null) throw new Error('it comes back without a recovery');
    const planned = await planRecovery({ dataset: base.dataset, goal: recovery, signal }, bed.backups.repository);
    expect(planned.decision.base.backupId).toBe(base.backupId);
  });

  it('comes back by a method that reads no archive only to where its backups are', async () => {
    await expect(choose(new Date(bed.committed(10).before).toISOString(), 'dump')).rejects.toMatchObject({
      code: 'point.unreachable',
    });
  });

  it('is refused before its oldest backup, and the first instant after it is named', async () => {
    await expect(choose('2020-01-01T00:00:00.000Z')).rejects.toMatchObject({
      code: 'point.unreachable',
      context: { nearestBefore: null, nearestAfter: expect.stringMatching(/^20/) },
    });
  });
});
