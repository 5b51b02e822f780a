import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupId } from '#common/domain/ids.js';
import type { Verdict } from '#common/domain/verdict.js';
import { manifestKey, verdictKey } from '#common/repository/layout.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { keepProof } from './keep-standing.js';
import { lookAtCopies } from './retention/look-at-copies.js';
import { planRetention } from './retention/plan-retention.js';

const { signal } = new AbortController();
let backups: BackupTestBed;
let bed: RunTestBed;
let minute = 0;

beforeAll(async () => {
  backups = await BackupTestBed.create();
  bed = await RunTestBed.open({
    repositories: { disk: { url: backups.repository.location } },
    datasets: {
      shop: {
        ...{ kind: 'postgres', url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] },
        retention: { last: 2, minimumGood: 1 },
      },
    },
  });
});
afterAll(async () => {
  await bed?.close();
  await backups?.remove();
});
beforeEach(async () => {
  await bed.clear();
  for await (const { key } of backups.repository.list('shop', { signal }))
    await backups.repository.remove(key, { signal });
});

/** In repository and catalog, newer than all before. */
async function newBackup(): Promise<Manifest> {
  minute += 1;
  const takenAt = new Date(Date.UTC(2026, 9, 1, 0, minute)).toISOString();
  const manifest = await storeBackup(backups.repository, minute, { snapshotAt: takenAt });
  const copy = { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) };
  await bed.bed.catalog.transaction((tx) => tx.backups.record(manifest, copy));
  return manifest;
}

const outcome = (probe: string, verdict: Verdict) => ({
  ...{ probe, verdict },
  evidence: verdict === 'failed' ? [{ subject: 'database.dump', problem: 'the content differs' }] : [],
});

/** A verdict that the catalog learns of, so many seconds after midnight. */
const prove = ({ backupId, attemptKey }: Manifest, second: number, probes: Readonly<Record<string, Verdict>>) => {
  const outcomes = Object.entries(probes).map(([probe, verdict]) => outcome(probe, verdict));
  const verdict = outcomes.find((of) => of.verdict !== 'passed')?.verdict ?? 'passed';
  const judged = {
    runId: randomUUID(),
    provenAt: new Date(Date.UTC(2026, 10, 1, 0, 0, second)),
    verdict,
    probes: outcomes,
  };
  return bed.bed.catalog.transaction((tx) =>
    keepProof(
      tx,
      { dataset: 'shop', repository: 'disk', backupId, attemptKey, foundBy: 'verification', judged },
      bed.events,
    ),
  );
};

/** One that only the repository keeps, as with `--local`. */
async function proveLocally({ backupId, attemptKey }: Manifest, second: number, probe: string, verdict: Verdict) {
  const at = new Date(Date.UTC(2026, 10, 1, 0, 0, second)).toISOString();
  const runId = randomUUID();
  const document = {
    ...{ formatVersion: 1, dataset: 'shop', backupId, attemptKey, runId, destination: null, profile: null, verdict },
    ...{ startedAt: at, completedAt: at, probes: [outcome(probe, verdict)] },
  };
  const key = verdictKey('shop', backupId, at, runId);
  await backups.repository.put(key, Buffer.from(JSON.stringify(document)), { signal });
}

const look = () =>
  lookAtCopies('shop', { ...bed.deps, repository: bed.installation.primaryRepository('shop') }, signal);

async function standing({ backupId }: Manifest) {
  return bed.bed.catalog.transaction(async (tx) => {
    const [copy] = await tx.backups.copies(backupId as BackupId);
    const [newest] = await tx.backups.newest();
    const verifiedAt = (await tx.backups.find(backupId as BackupId))?.verifiedAt ?? null;
    return { state: copy?.state, isVerified: verifiedAt !== null, isNewestGood: newest !== undefined };
  });
}

describe('the catalog', () => {
  it('calls a backup verified when a restore passed, and never for a proof that looked only at sums', async () => {
    const backup = await newBackup();
    await prove(backup, 1, { checksums: 'passed', 'archive-list': 'passed' });
    expect(await standing(backup)).toEqual({ state: 'present', isVerified: false, isNewestGood: true });
    await prove(backup, 2, { checksums: 'passed', 'row-counts': 'passed' });
    expect(await standing(backup)).toEqual({ state: 'present', isVerified: true, isNewestGood: true });
  });

  it('holds a database that differs against no backup', async () => {
    const backup = await newBackup();
    await prove(backup, 1, { 'row-counts': 'passed' });
    await prove(backup, 2, { checksums: 'passed', 'row-counts': 'failed' });
    expect(await standing(backup)).toEqual({ state: 'present', isVerified: true, isNewestGood: true });
    expect(await bed.said()).toEqual([]);
  });

  it('tells once that the objects of a backup failed later, and that they are good again', async () => {
    const backup = await newBackup();
    await prove(backup, 1, { 'row-counts': 'passed' });
    await prove(backup, 2, { checksums: 'failed' });
    await prove(backup, 3, { checksums: 'failed' });
    expect(await standing(backup)).toEqual({ state: 'damaged', isVerified: false, isNewestGood: false });
    const { rows } = await bed.bed.admin.query(`SELECT event -> 'data' AS data FROM holdfast.outbox`);
    expect(rows).toEqual([
      {
        data: expect.objectContaining({
          ...{ backupId: backup.backupId, repository: 'disk', foundBy: 'verification' },
          damage: [{ object: 'database.dump', problem: 'the content differs' }],
        }),
      },
    ]);
    await prove(backup, 4, { checksums: 'passed' });
    expect(await standing(backup)).toEqual({ state: 'present', isVerified: true, isNewestGood: true });
    expect(await bed.said()).toEqual(['backup.damaged', 'backup.cleared']);
  });

  it('tells a proof and what it makes of the backup together or not at all', async () => {
    const backup = await newBackup();
    await bed.refuse('backup.damaged');
    await expect(prove(backup, 1, { checksums: 'failed' })).rejects.toThrow();
    expect(await standing(backup)).toMatchObject({ state: 'present' });
    expect((await bed.bed.admin.query('SELECT FROM holdfast.proofs')).rowCount).toBe(0);
  });
});

describe('a look at the repository', () => {
  it('names the object of a backup that was lost or cut short, once, and sees it come back', async () => {
    const [backup, whole] = [await newBackup(), await newBackup()];
    const [first, second] = backup.objects.map(({ key }) => key) as [string, string];
    await backups.repository.remove(first, { signal });
    await backups.repository.put(second, Buffer.from('du'), { signal });
    const damage = [
      { object: 'database.dump', problem: 'is missing' },
      { object: 'globals.sql', problem: 'has 2 bytes instead of 4' },
    ];
    expect([await look(), await look()]).toEqual([
      [{ backupId: backup.backupId, damage }],
      [{ backupId: backup.backupId, damage }],
    ]);
    expect([(await standing(backup)).state, (await standing(whole)).state]).toEqual(['damaged', 'present']);
    expect(await bed.said()).toEqual(['backup.damaged']);
    for (const key of [first, second]) await backups.repository.put(key, Buffer.from('dump'), { signal });
    expect(await look()).toEqual([]);
    expect([(await standing(backup)).state, await bed.said()]).toEqual([
      'present',
      ['backup.damaged', 'backup.cleared'],
    ]);
  });

  it('misses a backup of which nothing is left', async () => {
    const backup = await newBackup();
    for await (const { key } of backups.repository.list(`shop/${backup.backupId}`, { signal }))
      await backups.repository.remove(key, { signal });
    const [missed] = await look();
    expect(missed?.damage[0]).toEqual({ object: 'manifest.json', problem: 'is missing' });
    expect(await standing(backup)).toMatchObject({ state: 'damaged', isNewestGood: false });
  });

  it('enters verdicts that were reached without the catalog', async () => {
    const backup = await newBackup();
    await prove(backup, 1, { 'row-counts': 'passed' });
    await proveLocally(backup, 2, 'checksums', 'failed');
    await look();
    expect(await standing(backup)).toEqual({ state: 'damaged', isVerified: false, isNewestGood: false });
    await proveLocally(backup, 3, 'checksums', 'passed');
    expect([await look(), await look()]).toEqual([[], []]);
    expect(await standing(backup)).toMatchObject({ state: 'present', isVerified: true });
    expect((await bed.bed.admin.query('SELECT FROM holdfast.proofs')).rowCount).toBe(3);
  });
});

describe('retention', () => {
  it.each(['with the catalog', 'with --local'])(
    'expires no intact backup for two newer ones that failed their proof, %s',
    async (how) => {
      const [intact, flipped, flippedToo] = [await newBackup(), await newBackup(), await newBackup()];
      await prove(flipped, 1, { checksums: 'passed', 'row-counts': 'passed' });
      await prove(flippedToo, 2, { checksums: 'failed' });
      await proveLocally(flipped, 3, 'checksums', 'failed');
      if (how === 'with --local') await proveLocally(flippedToo, 2, 'checksums', 'failed');
      const catalog = how === 'with --local' ? undefined : bed.bed.catalog;
      const plan = await planRetention('shop', { ...bed.deps, catalog, now: () => new Date() }, signal);
      const reasons = new Map(plan.backups.map(({ id, reasons: of }) => [id, of.join('; ')]));
      expect(reasons.get(intact.backupId)).toBe('last 2: number 1; minimum of 1 good backups');
      expect(reasons.get(flipped.backupId)).toBe('damaged, and kept as if it were good: last 2: number 2');
      expect(reasons.get(flippedToo.backupId)).toContain('damaged, and kept as if it were good: last 2: number 1');
    },
  );
});
