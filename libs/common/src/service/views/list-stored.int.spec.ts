import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { askForDeletion } from '#common/repository/deletion-request.js';
import { writeExpiry } from '#common/repository/expiry-marker.js';
import { placeHold } from '#common/repository/holds.js';
import { expiringKey, manifestKey, sweptKey, verdictKey } from '#common/repository/layout.js';
import { openRepository } from '#common/repository/open-repository.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { listStored } from './list-stored.js';

const { signal } = new AbortController();
let root: string;
let disk: BackupRepository;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-list-'));
  disk = openRepository({ name: 'disk', url: pathToFileURL(root).href });
});
afterEach(() => rm(root, { recursive: true }));

const list = (limit = 50) => listStored(disk, { dataset: 'shop', limit }, { signal });

describe('a list of what a repository holds', () => {
  it('shows every damaged backup with its object, and which one `latest` would use', async () => {
    await storeBackup(disk, 1);
    const hole = await storeBackup(disk, 2);
    await disk.remove(hole.objects[0]?.key ?? '', { signal });
    const rotten = await storeBackup(disk, 3);
    await disk.put(manifestKey(rotten.attemptKey), Buffer.from('{'), { signal });
    const foreign = await storeBackup(disk, 4);
    await disk.put(manifestKey(foreign.attemptKey), Buffer.from('{"formatVersion": 9}'), { signal });
    const deleting = await storeBackup(disk, 5);
    await disk.put(sweptKey(deleting.attemptKey), Buffer.alloc(0), { signal });
    const states = (await list()).backups.map(({ id, state, damage, isLatest, counts }) => ({
      ...{ id, state, isLatest, isKnown: counts !== null },
      damage: damage.map(({ object, problem }) => `${object} ${problem}`),
    }));
    expect(states).toEqual([
      expect.objectContaining({ id: backupIdAt(4), state: 'unreadable', isKnown: false, isLatest: false }),
      {
        ...{ id: backupIdAt(3), state: 'damaged', isKnown: false, isLatest: false },
        damage: ['manifest.json manifest is not JSON'],
      },
      {
        ...{ id: backupIdAt(2), state: 'damaged', isKnown: true, isLatest: false },
        damage: ['database.dump is missing'],
      },
      { id: backupIdAt(1), state: 'whole', isKnown: true, isLatest: false, damage: [] },
    ]);
    for (const minute of [2, 3, 4]) await storeBackup(disk, minute);
    await storeBackup(disk, 6, { purpose: 'safety' });
    const latest = (await list()).backups.filter(({ isLatest }) => isLatest);
    expect(latest.map(({ id }) => id)).toEqual([backupIdAt(4)]);
  });

  it('says of a kind and of a format that it does not know that they are unknown', async () => {
    await storeBackup(disk, 1, { kind: 'folder' });
    const newer = await storeBackup(disk, 2);
    await disk.put(manifestKey(newer.attemptKey), Buffer.from('{"formatVersion": 2}'), { signal });
    expect((await list()).backups.map(({ state, damage }) => `${state}: ${damage[0]?.problem}`)).toEqual([
      'unreadable: manifest has format version 2, known is 1',
      expect.stringMatching(/^unreadable: backup .* is of kind "folder"; this program knows .*postgres/),
    ]);
  });

  it('shows which one is the latest of each method, and what builds on a damaged one as damaged', async () => {
    const base = await storeBackup(disk, 1, { method: 'base' });
    await storeBackup(disk, 2, { method: 'base', needs: [base.backupId] });
    await storeBackup(disk, 3);
    const shown = async () =>
      (await list()).backups.map(({ method, isLatest, state }) => `${method} ${state}${isLatest ? ' latest' : ''}`);
    expect(await shown()).toEqual(['dump whole latest', 'base whole latest', 'base whole']);
    await disk.remove(base.objects[0]?.key ?? '', { signal });
    expect(await shown()).toEqual(['dump whole latest', 'base damaged', 'base damaged']);
  });

  it('shows the last verdict, holds and marks, and says how many older ones there are', async () => {
    await storeBackup(disk, 1);
    const named = { dataset: 'shop', backupId: (await storeBackup(disk, 2)).backupId };
    const asked = { dataset: 'shop', backupId: (await storeBackup(disk, 3)).backupId };
    await placeHold(disk, { ...named, name: 'audit', reason: 'asked for', by: 'spec', livesMs: null }, { signal });
    await writeExpiry(disk, expiringKey('shop', named.backupId), { graceMs: 0, reasons: ['older than 30d'], signal });
    await askForDeletion(disk, asked, { by: 'ops', evenLastGood: false, signal });
    for (const [at, probe] of [
      ['2026-11-21T11:00:00.000Z', 'row-counts'],
      ['2026-11-21T12:00:00.000Z', 'checksums'],
    ] as const) {
      const document = {
        ...{ formatVersion: 1, ...named, runId: `run of ${probe}`, destination: 'x', profile: 'p', verdict: 'passed' },
        ...{ startedAt: at, completedAt: at, probes: [{ probe, verdict: 'passed', evidence: [] }] },
      };
      await disk.put(verdictKey('shop', named.backupId, at, 'x'), Buffer.from(JSON.stringify(document)), { signal });
    }
    const { backups, left } = await list(2);
    expect(left).toBe(1);
    expect(backups).toMatchObject([
      { holds: [], deletion: { notBefore: null, reasons: ['ops asked for its deletion'] }, lastVerdict: null },
      {
        holds: [{ name: 'audit', reason: 'asked for', until: null }],
        deletion: { notBefore: expect.any(String), reasons: ['older than 30d'] },
        lastVerdict: { verdict: 'passed', of: 'objects', provenAt: '2026-11-21T12:00:00.000Z' },
        verifiedAt: '2026-11-21T11:00:00.000Z',
      },
    ]);
  });
});
