import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PointDocument } from '#common/contracts/point-document.js';
import { toUuidV7 } from '#common/domain/ids.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { openRepository } from '#common/repository/open-repository.js';
import { readPoints, storePoint } from './stored-points.js';
import { sweepPoints } from './sweep-points.js';

let folder: string;
let repository: BackupRepository;
const { signal } = new AbortController();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-points-'));
  repository = openRepository({ name: 'storage', url: `file://${folder}` });
});
afterEach(async () => {
  await repository.close();
  await rm(folder, { recursive: true });
});

const newUuid = () => toUuidV7(new Date(), randomBytes(10));

function aPoint(backupId: string, at = '2026-03-01T02:00:00.000Z'): PointDocument {
  const member = { dataset: 'shop', kind: 'postgres', method: 'dump', backupId, repository: 'storage', snapshotAt: at };
  return {
    ...{ formatVersion: 1, pointId: newUuid(), point: 'platform', at, skewMs: 0, maxSkewMs: 1_000, problems: [] },
    members: [{ ...member, offsetMs: 0, refersTo: [], busPosition: 'none' }],
    ...{ startedAt: at, completedAt: at, holdfastVersion: '1' },
  };
}

describe('a recorded recovery point', () => {
  it('is read back whole, the newest first, and written twice it is there once', async () => {
    const [old, young] = [aPoint(newUuid()), aPoint(newUuid(), '2026-03-02T02:00:00.000Z')];
    for (const point of [old, young, young]) await storePoint(point, [repository], signal);
    const found = await readPoints(repository, 'platform', { signal });
    expect(found.map(({ document }) => document)).toEqual([young, old]);
    expect(await readPoints(repository, 'plat', { signal })).toEqual([]);
  });

  it('goes with the last of its members, and stays while one is there', async () => {
    const backupId = newUuid();
    await storePoint(aPoint(backupId), [repository], signal);
    await storePoint(aPoint(newUuid()), [repository], signal);
    await repository.put(`shop/${backupId}/a1-x/manifest.json`, Buffer.from('{}'), { signal });
    expect(await sweepPoints(repository, signal)).toBe(1);
    const [left, ...others] = await readPoints(repository, undefined, { signal });
    expect(left?.document.members[0]?.backupId).toBe(backupId);
    expect(others).toEqual([]);
  });
});
