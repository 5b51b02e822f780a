import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { attemptPrefix, expiringKey, manifestKey, sweptKey } from '#common/repository/layout.js';
import { openRepository } from '#common/repository/open-repository.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { listKeys, listKeysOf } from '#common/testing/each-storage.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { holdfast } from '../support/cli.js';

const signal = new AbortController().signal;
const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

let folder: string;
let bed: CatalogTestBed;
let repository: BackupRepository;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-retention-'));
  await mkdir(join(folder, 'backups'));
  repository = openRepository({ name: 'disk', url: pathToFileURL(join(folder, 'backups')).href });
  const url = 'postgres://nobody@localhost:1/nothing';
  const dataset = { kind: 'postgres', url, repositories: ['disk'] };
  const retention = { within: '30d', minimumGood: 1, cap: 2 };
  const config = {
    api: { url: 'http://127.0.0.1:9', token: 'not-used-but-long-enough' },
    repositories: { disk: { url: pathToFileURL(join(folder, 'backups')).href } },
    datasets: { shop: dataset, kept: dataset, torn: dataset },
    targets: { staging: { kind: 'postgres', url, accepts: { datasets: ['torn'], destinations: ['x*'] } } },
    profiles: { sums: { probes: [{ use: 'checksums' }] } },
    schedules: { nightly: { dataset: 'shop', cron: '0 2 * * *', retention } },
  };
  await writeFile(join(folder, 'holdfast.yaml'), JSON.stringify({ ...config, catalog: { url: bed.url } }));
  await writeFile(join(folder, 'no-catalog.yaml'), JSON.stringify(config));
});

afterAll(async () => {
  await bed.close();
  await rm(folder, { recursive: true });
});

async function script(line: string, config = 'holdfast.yaml') {
  const args = [...line.split(' '), '--json', '--config', join(folder, config)];
  const { exitCode, stdout, stderr } = await holdfast(args, { PATH: '/usr/bin:/bin' });
  expect(stderr).toBe('');
  return { exitCode, document: JSON.parse(stdout) };
}

/** A backup as an executor leaves it: in the repository and in the catalog. */
async function newBackup(minute: number, takenAt: string, dataset = 'shop'): Promise<Manifest> {
  const manifest = await storeBackup(repository, minute, { dataset, snapshotAt: takenAt });
  const copy = { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) };
  await bed.catalog.transaction((tx) => tx.backups.record(manifest, copy));
  return manifest;
}

const stateOf = (manifest: Manifest) =>
  bed.catalog.transaction(async (tx) => (await tx.backups.find(manifest.backupId as BackupId))?.state);

/** As if the grace had passed meanwhile. */
async function endGrace({ dataset, backupId }: Manifest): Promise<void> {
  const mark = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
  await repository.put(expiringKey(dataset, backupId), mark, { signal });
}

async function expiredFacts(): Promise<{ backupId: string; reasons: string[] }[]> {
  const { rows } = await bed.admin.query<{ event: { type: string; data: { backupId: string; reasons: string[] } } }>(
    "SELECT event FROM holdfast.outbox WHERE event ->> 'type' = 'backup.expired' ORDER BY id",
  );
  return rows.map(({ event }) => event.data);
}

describe('retention at the command line', () => {
  it('plans with a reason for each, marks, respects holds and the cap, deletes, and tells the catalog', async () => {
    const [oldest, older, held, fresh] = [
      await newBackup(1, daysAgo(90)),
      await newBackup(2, daysAgo(60)),
      await newBackup(3, daysAgo(40)),
      await newBackup(4, daysAgo(1)),
    ];
    const other = await newBackup(5, daysAgo(900), 'kept');
    const place = await script(`hold place ${held.backupId} --name audit --reason asked --for 1y`);
    expect(place.exitCode).toBe(0);
    const { document } = await script('retention plan');
    const [shop, kept] = document.plans;
    const toLine = (backup: { id: string; isKept: boolean; reasons: string[] }) => [
      backup.id,
      backup.isKept,
      backup.reasons.join('; '),
    ];
    expect(shop.backups.map(toLine)).toEqual([
      [fresh.backupId, true, 'within 30d; minimum of 1 good backups'],
      [held.backupId, true, 'held by audit (asked)'],
      [older.backupId, false, 'older than 30d'],
      [oldest.backupId, false, 'older than 30d'],
    ]);
    expect(kept.backups.map(toLine)).toEqual([[other.backupId, true, 'the policy has no rule']]);
    expect(await listKeys(repository)).not.toContain(expiringKey('shop', oldest.backupId));

    const first = await script('retention apply');
    expect(first.exitCode).toBe(0);
    expect(first.document.sweeps[0].backups).toEqual([
      { id: oldest.backupId, outcome: 'marked' },
      { id: older.backupId, outcome: 'marked' },
    ]);
    expect(await stateOf(oldest)).toBe('completed');

    // An operator thinks better of one of them.
    await script(`hold place ${older.backupId} --name second-thoughts`);
    for (const backup of [oldest, older]) await endGrace(backup);
    const second = await script('retention apply --dataset shop');
    expect(second.document.sweeps[0].backups).toEqual([
      { id: older.backupId, outcome: 'kept' },
      { id: oldest.backupId, outcome: 'deleted', freed: { isFreed: true, sizeBytes: expect.any(Number) } },
    ]);
    expect([await stateOf(oldest), await stateOf(older)]).toEqual(['expired', 'completed']);
    expect((await listKeys(repository)).filter((key) => key.includes(oldest.backupId))).toEqual([]);
    expect(await expiredFacts()).toEqual([
      expect.objectContaining({ backupId: oldest.backupId, repository: 'disk', reasons: ['older than 30d'] }),
    ]);

    const { document: holds } = await script(`hold list ${older.backupId}`);
    expect(holds.holds).toEqual([expect.objectContaining({ name: 'second-thoughts', expiresAt: null })]);
    await script(`hold release ${older.backupId} --name second-thoughts`);
    expect((await script(`hold list ${older.backupId}`)).document).toEqual({ holds: [] });
  });

  it('keeps what an open run reads, and everything while backups fail', async () => {
    const [used, free] = [await newBackup(11, daysAgo(80)), await newBackup(12, daysAgo(70))];
    const run = await bed.enqueue({
      ...{ kind: 'restore', dataset: 'shop', resource: 'restore:x' },
      request: { dataset: 'shop', backup: used.backupId, target: 't' },
    });
    const reasonOf = async ({ backupId }: Manifest): Promise<{ isKept: boolean; reasons: string[] }> => {
      const { document } = await script('retention plan --dataset shop');
      return document.plans[0].backups.find(({ id }: { id: string }) => id === backupId);
    };
    expect(await reasonOf(used)).toMatchObject({ isKept: true, reasons: [`held by restore run ${run.id}`] });
    expect(await reasonOf(free)).toMatchObject({ isKept: false });

    const failed = await bed.enqueue({ dataset: 'shop' });
    await bed.admin.query(
      `UPDATE holdfast.runs SET state = 'failed', settled_at = clock_timestamp(), problem = '{}' WHERE id = $1`,
      [failed.id as RunId],
    );
    const refused = await script('retention apply --dataset shop');
    expect(refused).toMatchObject({ exitCode: 3, document: { sweeps: [{ backups: [] }] } });
    expect(await reasonOf(free)).toMatchObject({ isKept: true });
    await bed.admin.query('DELETE FROM holdfast.runs WHERE id = $1', [failed.id]);
  });

  it('is refused without the catalog unless --local says that its rows need not follow', async () => {
    expect(await script('retention apply', 'no-catalog.yaml')).toMatchObject({
      exitCode: 4,
      document: { error: { code: 'catalog.unavailable' } },
    });
    expect((await script('retention apply --local', 'no-catalog.yaml')).exitCode).toBe(0);
  });

  it('sweeps dead attempts, but never those of a run that is open', async () => {
    const leave = async (backupId: string, days: number): Promise<string> => {
      const attemptKey = attemptPrefix('shop', backupId, 1, 'dd');
      const key = `${attemptKey}/database.dump`;
      await repository.put(key, Buffer.from('dump'), { signal });
      const at = new Date(Date.now() - days * DAY_MS);
      await utimes(join(folder, 'backups', key), at, at);
      return attemptKey;
    };
    const dead = await leave(backupIdAt(21), 2);
    const young = await leave(backupIdAt(22), 0);
    const { id: runId } = await bed.enqueue({ dataset: 'shop' });
    const reserved = { runId, dataset: 'shop', method: 'dump', purpose: 'regular' } as const;
    const open = await leave(await bed.catalog.transaction((tx) => tx.backups.reserve(reserved)), 2);
    expect((await script('retention apply --dataset shop')).document.sweeps[0].swept).toEqual([dead]);
    expect(await listKeysOf(repository, dead)).toEqual([sweptKey(dead)]);
    for (const attempt of [young, open])
      expect(await listKeysOf(repository, attempt)).toEqual([`${attempt}/database.dump`]);
  });

  it('refuses a hold on what does not exist, and a name that is none', async () => {
    expect((await script(`hold place ${backupIdAt(50)} --name x`)).document.error.code).toBe('backup.missing');
    const [backup] = (await script('retention plan --dataset kept')).document.plans[0].backups;
    expect((await script(`hold place ${backup.id} --name a/b`)).document.error.code).toBe('request.invalid');
    expect((await script(`hold place ${backup.id} --name x --for soon`)).document.error.code).toBe('request.invalid');
  });
});

describe('a backup of which an object is lost', () => {
  it('is called damaged, with the object, by every command that names it', async () => {
    const [good, damaged] = [await newBackup(41, daysAgo(2), 'torn'), await newBackup(42, daysAgo(1), 'torn')];
    const id = damaged.backupId;
    await repository.remove(damaged.objects[0]?.key ?? '', { signal });
    const damage = [{ object: 'database.dump', problem: 'is missing' }];
    for (const line of ['backup list --dataset torn --local', 'backup list --dataset torn']) {
      const { document } = await script(line);
      expect(document.backups).toMatchObject([
        { id, state: 'damaged', damage, isLatest: false },
        { id: good.backupId, state: 'whole', isLatest: false },
      ]);
    }
    expect(await script(`backup show ${id}`)).toMatchObject({ exitCode: 0, document: { state: 'damaged', damage } });
    const at = '--target staging --destination xy';
    for (const line of [
      `restore plan ${id} ${at}`,
      `restore run ${id} ${at} --local`,
      `verify run --backup ${id} ${at} --profile sums --local`,
    ]) {
      const { exitCode, document } = await script(line);
      expect({ exitCode, document }).toMatchObject({ exitCode: 1, document: { error: { code: 'backup.damaged' } } });
      expect(document.error.message).toContain('database.dump: is missing');
    }
    const { document } = await script('restore plan torn@latest --target staging --destination xy');
    expect(document.error.hint).toContain(good.backupId);
  });
});

describe('a check of sums at the command line', () => {
  it('keeps its verdict beside the backup and in the catalog, and makes a backup with a flipped byte damaged', async () => {
    const backup = await newBackup(43, daysAgo(1), 'kept');
    const known = () =>
      bed.catalog.transaction(async (tx) => (await tx.backups.copies(backup.backupId as BackupId))[0]?.state);
    expect(await script(`backup check ${backup.backupId}`)).toMatchObject({
      exitCode: 0,
      document: { verdict: 'passed' },
    });
    expect(await known()).toBe('present');
    await repository.put(backup.objects[0]?.key ?? '', Buffer.from('dumb'), { signal });
    expect(await script(`backup check ${backup.backupId}`)).toMatchObject({
      ...{ exitCode: 1, document: { verdict: 'failed', verdictKey: expect.stringContaining('/verdicts/') } },
    });
    expect(await known()).toBe('damaged');
    const listed = await script('backup list --dataset kept --local');
    expect(listed.document.backups[0]).toMatchObject({
      ...{
        id: backup.backupId,
        state: 'damaged',
        damage: [{ object: 'database.dump', problem: 'the content differs' }],
      },
      lastVerdict: { verdict: 'failed', of: 'objects' },
    });
    await repository.put(backup.objects[0]?.key ?? '', Buffer.from('dump'), { signal });
    const without = await script(`backup check ${backup.backupId} --local`, 'no-catalog.yaml');
    expect(without).toMatchObject({ exitCode: 0, document: { verdict: 'passed' } });
    expect(await known()).toBe('damaged');
  });
});

describe('a deletion at the command line', () => {
  it('shows first what would go, refuses the last good backup unless it is named twice, marks, deletes and is audited', async () => {
    const dataset = 'alone';
    const config = JSON.parse(await readFile(join(folder, 'holdfast.yaml'), 'utf8'));
    config.datasets[dataset] = config.datasets.kept;
    await writeFile(join(folder, 'alone.yaml'), JSON.stringify(config));
    const backup = await newBackup(44, daysAgo(1), dataset);
    const id = backup.backupId;
    const run = (line: string) => script(line, 'alone.yaml');
    expect(await run(`backup delete ${id}`)).toMatchObject({
      ...{ exitCode: 3, document: { isLastGood: true, refusals: ['the last good backup'], goodLeft: 0 } },
    });
    expect(await run(`backup delete ${id} --yes`)).toMatchObject({
      ...{ exitCode: 3, document: { error: { code: 'backup.needed' } } },
    });
    const sure = `backup delete ${id} --yes --even-last-good ${id}`;
    expect(await run(sure)).toMatchObject({ exitCode: 0, document: { outcome: 'marked' } });
    const [listed] = (await run(`backup list --dataset ${dataset}`)).document.backups;
    expect(listed).toMatchObject({ deletion: { notBefore: expect.any(String) } });
    await endGrace(backup);
    expect(await run(`${sure} --wait`)).toMatchObject({ exitCode: 0, document: { outcome: 'deleted' } });
    expect([await stateOf(backup), await listKeysOf(repository, dataset)]).toEqual(['expired', []]);
    const audited = await bed.catalog.transaction((tx) => tx.audit.list({ subject: id }));
    expect(audited.map(({ action }) => action)).toEqual(['backup.expired', 'backup.delete']);
    expect(await run(`backup delete ${id}`)).toMatchObject({
      exitCode: 2,
      document: { error: { code: 'backup.missing' } },
    });
  });
});
