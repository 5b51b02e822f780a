import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { RetentionTestBed } from '#common/testing/retention-test-bed.js';
import { applyRetention } from './apply-retention.js';
import { deleteBackup, previewDeletion } from './delete-backup.js';
import { planRetention } from './plan-retention.js';

const { signal } = new AbortController();
let bed: RetentionTestBed;
beforeAll(async () => {
  bed = await RetentionTestBed.open();
});
afterAll(() => bed?.close());
beforeEach(() => bed.begin());
afterEach(() => bed.end());

const apply = () => applyRetention('shop', bed.deps(), signal);
const plan = () => planRetention('shop', bed.deps(), signal);
const outcomes = async () => (await apply()).backups.map(({ id, outcome }) => `${id} ${outcome}`);
const idsOf = (...manifests: readonly Manifest[]) => manifests.map(({ backupId }) => backupId);

/** Of the given age in days: a full one, and one that builds on it. */
async function newChain(
  days: number,
  more: Partial<Manifest> = {},
): Promise<readonly [full: Manifest, child: Manifest]> {
  const full = await bed.newBackup(1, days, { method: 'base', ...more });
  return [full, await bed.newBackup(2, days - 1, { method: 'base', needs: idsOf(full) })];
}

describe('backups of several methods', () => {
  it('expire by themselves: a younger base backup makes no dump expire', async () => {
    const dump = await bed.newBackup(1, 60);
    const base = await bed.newBackup(2, 40, { method: 'base' });
    const { backups } = await plan();
    expect(backups.map(({ id, isKept, reasons }) => ({ id, isKept, reasons }))).toEqual(
      idsOf(base, dump).map((id) => ({ id, isKept: true, reasons: ['minimum of 1 good backups'] })),
    );
  });

  it('stay, those of a method whose newest run failed, whatever succeeds besides', async () => {
    await bed.newBackup(1, 60);
    const dumps = [await bed.newBackup(2, 50), await bed.newBackup(3, 1)];
    await bed.newBackup(4, 60, { method: 'base' });
    const bases = [await bed.newBackup(5, 50, { method: 'base' }), await bed.newBackup(6, 1, { method: 'base' })];
    for (const [method, state] of [
      ['dump', 'failed'],
      ['base', 'completed'],
      ['dump', 'completed'],
      ['base', 'failed'],
    ]) {
      const { id } = await bed.bed.enqueue({ dataset: 'shop', request: { dataset: 'shop', method: method ?? '' } });
      const settle = `UPDATE holdfast.runs SET state = $2, problem = '{}', settled_at = clock_timestamp() WHERE id = $1`;
      await bed.bed.admin.query(settle, [id, state]);
    }
    const { refusals, backups } = await plan();
    expect(refusals).toEqual([{ method: 'base', reason: 'the newest backup run by base failed' }]);
    const expired = backups.filter(({ isKept }) => !isKept).map(({ method }) => method);
    expect(expired).toEqual(['dump', 'dump']);
    expect([dumps.length, bases.length]).toEqual([2, 2]);
  });
});

describe('a chain of backups', () => {
  it('is kept whole for the sake of its end', async () => {
    const [full] = await newChain(31);
    const { backups } = await plan();
    expect(backups.find(({ id }) => id === full.backupId)).toMatchObject({
      ...{ isKept: true, reasons: [expect.stringContaining('needed by')] },
    });
  });

  it('goes from its end, so that none is ever there without what it builds on', async () => {
    const [full, child] = await newChain(60);
    await bed.newBackup(3, 1, { method: 'base' });
    expect(await outcomes()).toEqual(idsOf(child, full).map((id) => `${id} marked`));
    await bed.letGraceEnd(full);
    expect(await outcomes()).toEqual([`${child.backupId} waiting`]);
    expect(await bed.isWhole(full)).toBe(true);
    await bed.letGraceEnd(child);
    expect(await outcomes()).toEqual(idsOf(child, full).map((id) => `${id} deleted`));
  });

  it('counts for no rule where what it builds on is gone: it pushes out no other', async () => {
    const child = await bed.newBackup(2, 40, { method: 'base', needs: ['018f0000-0000-7000-8000-000000000001'] });
    const old = await bed.newBackup(1, 60, { method: 'base' });
    const { backups } = await plan();
    expect(backups.find(({ id }) => id === child.backupId)).toMatchObject({ isDamaged: true });
    expect(backups.find(({ id }) => id === old.backupId)).toMatchObject({ isKept: true });
  });

  it('loses nothing that is needed to an operator, who is shown what builds on it', async () => {
    const [full, child] = await newChain(60);
    await bed.newBackup(3, 1, { method: 'base' });
    const [named, request] = [
      { dataset: 'shop', backupId: full.backupId },
      { by: 'ops', evenLastGood: true },
    ];
    const because = `needed by backup ${child.backupId}, which builds on it`;
    expect((await previewDeletion(named, request, bed.deps(), signal)).refusals).toEqual([because]);
    await expect(deleteBackup(named, request, bed.deps(), signal)).rejects.toMatchObject({ code: 'backup.needed' });
    expect(await bed.isWhole(full)).toBe(true);
  });
});
