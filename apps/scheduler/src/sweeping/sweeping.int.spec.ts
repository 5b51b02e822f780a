import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { initialiseRepository } from '#common/repository/initialise-repository.js';
import { attemptPrefix, expiringKey, manifestKey, sweptKey } from '#common/repository/layout.js';
import { openRepository } from '#common/repository/open-repository.js';
import type { Background } from '#common/service/background/background.js';
import { EventWriter } from '#common/service/event-writer.js';
import { Installation } from '#common/service/installation.js';
import { createLogger } from '#common/telemetry/logger.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { listKeys } from '#common/testing/each-storage.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { startSweeping } from './sweeping.js';

const { signal } = new AbortController();
const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

let folder: string;
let bed: CatalogTestBed;
let repository: BackupRepository;
const started: Background[] = [];

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sweep-'));
  await mkdir(join(folder, 'backups'));
  repository = openRepository({ name: 'disk', url: pathToFileURL(join(folder, 'backups')).href });
  await initialiseRepository(repository, { signal });
});
afterEach(async () => {
  for (const work of started.splice(0)) await work.stop();
  // The next one need not wait until this one’s interval is over.
  await bed.admin.query('DELETE FROM holdfast.leases');
});
afterAll(async () => {
  await bed.close();
  await rm(folder, { recursive: true });
});

type Datasets = z.input<typeof HoldfastConfig>['datasets'];

const retention = { within: '30d', minimumGood: 1 };
const dataset = (more: object = {}) => ({
  ...{ kind: 'postgres' as const, url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] },
  ...more,
});

/** One repository is a file system that is gone: calls into it heed no signal, and never end. */
class HangingInstallation extends Installation {
  override repository(name: string): BackupRepository {
    if (name !== 'frozen') return super.repository(name);
    return { name, stat: () => new Promise<never>(() => undefined) } as unknown as BackupRepository;
  }
}

/** A scheduler's sweep over these datasets, at once and then every second. What it said is in `lines`. */
async function sweep(
  datasets: Datasets,
  {
    owner = 'one',
    everyMs: sweepEveryMs = 1_000,
    limitMs,
  }: { owner?: string; everyMs?: number; limitMs?: number } = {},
) {
  const lines: { msg: string; [field: string]: unknown }[] = [];
  const config = HoldfastConfig.parse({
    repositories: {
      disk: { url: pathToFileURL(join(folder, 'backups')).href },
      gone: { url: pathToFileURL(join(folder, 'gone')).href },
      empty: { url: pathToFileURL(folder).href },
      frozen: { url: pathToFileURL(join(folder, 'frozen')).href },
    },
    datasets,
    scheduler: { sweepEveryMs, firstSweepAfterMs: 0 },
  });
  const installation = new HangingInstallation(config);
  const metrics = createMetrics({ service: 'spec' });
  const to = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const sweeping = startSweeping({
    ...{ catalog: await bed.another(), owner, metrics, installation },
    events: new EventWriter({ instance: 'spec', topicPrefix: '' }),
    logger: createLogger({ service: 'spec', level: 'info', secrets: [], to }),
    ...(limitMs === undefined ? {} : { limitMs }),
  });
  started.push(sweeping);
  return { lines, print: () => metrics.registry.metrics() };
}

async function newBackup(minute: number, days: number, name = 'shop'): Promise<Manifest> {
  const manifest = await storeBackup(repository, minute, { dataset: name, snapshotAt: daysAgo(days) });
  const copy = { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) };
  await bed.catalog.transaction((tx) => tx.backups.record(manifest, copy));
  return manifest;
}

/** What an attempt left that died two days ago. */
async function newDeadAttempt(minute: number, name: string): Promise<string> {
  const attemptKey = attemptPrefix(name, backupIdAt(minute), 1, 'dd');
  const key = `${attemptKey}/database.dump`;
  await repository.put(key, Buffer.from('dump'), { signal });
  const at = new Date(Date.now() - 2 * DAY_MS);
  await utimes(join(folder, 'backups', key), at, at);
  return attemptKey;
}

const keysOf = async (of: string) => (await listKeys(repository)).filter((key) => key.includes(of));

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the sweep of a scheduler', () => {
  it('expires what retention says, by itself, and says what it kept back and why', async () => {
    const [old, used] = [await newBackup(1, 60), await newBackup(2, 50)];
    await newBackup(3, 1);
    const request = { dataset: 'shop', backup: used.backupId, target: 't' };
    const run = await bed.enqueue({ kind: 'restore', dataset: 'shop', request });
    const { lines, print } = await sweep({ shop: dataset({ retention }) });
    await until(async () => (await keysOf(expiringKey('shop', old.backupId))).length > 0);
    // As if its grace had passed.
    const mark = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
    await repository.put(expiringKey('shop', old.backupId), mark, { signal });
    await until(async () => (await keysOf(old.backupId)).length === 0);
    await until(() => lines.some((line) => line['deleted'] === 1));
    const said = lines.find((line) => line['deleted'] === 1);
    expect(said).toMatchObject({
      ...{ msg: 'dataset swept', dataset: 'shop' },
      keptBack: [{ id: used.backupId, why: `held by restore run ${run.id}` }],
    });
    expect(await keysOf(used.backupId)).not.toEqual([]);
    expect(await print()).toContain('holdfast_retention_expired_total{dataset="shop",service="spec"} 1');
    expect(await print()).toContain('holdfast_retention_left{dataset="shop",service="spec"} 0');
    await until(async () => /^holdfast_sweep_timestamp_seconds\S* [1-9]/m.test(await print()));
  });

  it('expires nothing while backups fail, says so, and removes what dead attempts left all the same', async () => {
    const expired = await newBackup(11, 60, 'failing');
    await newBackup(12, 1, 'failing');
    const dead = await newDeadAttempt(13, 'failing');
    const { id } = await bed.enqueue({ dataset: 'failing' });
    await bed.admin.query(
      `UPDATE holdfast.runs SET state = 'failed', settled_at = clock_timestamp(), problem = '{}' WHERE id = $1`,
      [id],
    );
    const { lines, print } = await sweep({ failing: dataset({ retention }) });
    await until(() => lines.some(({ msg }) => msg === 'retention refused: nothing expires'));
    expect(lines.find((line) => line['dataset'] === 'failing')).toMatchObject({
      why: 'the newest backup run by dump failed',
      keptBack: [{ id: expired.backupId }],
    });
    expect(await keysOf(dead)).toEqual([sweptKey(dead)]);
    expect(await print()).toContain('holdfast_retention_refused{dataset="failing",service="spec"} 1');
    expect(await keysOf(expiringKey('failing', expired.backupId))).toEqual([]);
  });

  it('looks after the others, and comes again, while one storage never answers, and asks that one once', async () => {
    const first = await newDeadAttempt(31, 'beside');
    const datasets = { beside: dataset(), stuck: dataset({ repositories: ['frozen'] }) };
    const { lines } = await sweep(datasets, { limitMs: 500 });
    await until(async () => (await keysOf(first)).join() === sweptKey(first));
    const hangs = () => lines.filter(({ subject }) => subject === 'frozen');
    await until(() => hangs().length === 2);
    const second = await newDeadAttempt(32, 'beside');
    await until(async () => (await keysOf(second)).join() === sweptKey(second));
    // Each sweep says so again.
    for (const line of hangs()) expect(line).toMatchObject({ err: { code: 'repository.unavailable' } });
  });

  it('looks after the others when a dataset or a repository fails, and where nothing has a retention', async () => {
    const dead = await newDeadAttempt(21, 'plain');
    const kept = await newBackup(22, 900, 'plain');
    // A mark of a retention that the configuration had once.
    await repository.put(expiringKey('plain', kept.backupId), Buffer.from('no mark at all'), { signal });
    const unmarked = await newDeadAttempt(23, 'unmarked');
    // The clock of the storage cannot be read for it.
    await mkdir(join(folder, 'backups', '_control/clock'), { recursive: true });
    await writeFile(join(folder, 'backups', '_control/clock/broken'), 'no folder');
    const { lines, print } = await sweep({
      aaa: dataset({ repositories: ['gone'], retention }),
      bbb: dataset({ repositories: ['empty'] }),
      broken: dataset(),
      plain: dataset(),
      unmarked: dataset(),
    });
    await until(async () => (await keysOf(dead)).join() === sweptKey(dead));
    await until(async () => (await keysOf(unmarked)).join() === sweptKey(unmarked));
    for (const subject of ['gone', 'broken']) await until(() => lines.some((line) => line['subject'] === subject));
    expect(await keysOf(manifestKey(kept.attemptKey))).toHaveLength(1);
    const failed = lines.filter(({ msg }) => msg.startsWith('not swept')).map((line) => line['subject']);
    expect([...new Set(failed)].sort()).toEqual(['broken', 'gone']);
    expect(await print()).toContain('holdfast_sweeps_failed_total{subject="gone",code="repository.missing"');
  });

  it('is that of one scheduler, until the next is due', async () => {
    const { id } = await bed.enqueue({ dataset: 'twice' });
    await bed.admin.query(
      `UPDATE holdfast.runs SET state = 'failed', settled_at = clock_timestamp(), problem = '{}' WHERE id = $1`,
      [id],
    );
    const start = (owner: string) => sweep({ twice: dataset({ retention }) }, { owner, everyMs: 3_600_000 });
    const both = [await start('one'), await start('two')];
    const rests = `SELECT FROM holdfast.leases WHERE name = 'sweep' AND expires_at > now() + interval '30 minutes'`;
    await until(async () => (await bed.admin.query(rests)).rows.length === 1);
    for (const work of started.splice(0)) await work.stop();
    const said = both.flatMap(({ lines }) => lines.filter(({ msg }) => msg.startsWith('retention refused')));
    expect(said).toHaveLength(1);
  });
});
