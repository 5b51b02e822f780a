import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '#common/process/run-command.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { startBucketDataset } from '#common/testing/datasets/bucket-dataset.js';
import { startMeilisearchDataset } from '#common/testing/datasets/meilisearch-dataset.js';
import { startPostgresDataset } from '#common/testing/datasets/postgres-dataset.js';
import { startRedisDataset } from '#common/testing/datasets/redis-dataset.js';
import { startTemporalDataset } from '#common/testing/datasets/temporal-dataset.js';
import { startTopicsDataset } from '#common/testing/datasets/topics-dataset.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { Platform } from '#tools/platform/platform.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

type Fixture = Pick<
  DatasetFixture,
  'dataset' | 'target' | 'probes' | 'write' | 'read' | 'destroy' | 'newDestination' | 'close'
> &
  Partial<Pick<DatasetFixture, 'clear'>>;

interface Kind {
  readonly name: string;
  readonly kind: string;
  readonly start: () => Promise<Fixture>;
}

const kinds: readonly Kind[] = [
  { name: 'postgres18', kind: 'postgres', start: () => startPostgresDataset('postgres18') },
  { name: 'postgres15', kind: 'postgres', start: () => startPostgresDataset('postgres15') },
  { name: 'redis', kind: 'redis', start: () => startRedisDataset('redis') },
  { name: 'valkey', kind: 'redis', start: () => startRedisDataset('valkey') },
  { name: 'bucket', kind: 'bucket', start: startBucketDataset },
  { name: 'topics', kind: 'kafka', start: startTopicsDataset },
  { name: 'meilisearch', kind: 'meilisearch', start: startMeilisearchDataset },
  { name: 'temporal', kind: 'temporal', start: startTemporalDataset },
];

interface Way {
  /** A repository of the configuration below: on S3 or in a directory, plain or sealed. */
  readonly repository: 's3-plain' | 's3-sealed' | 'file-plain' | 'file-sealed';
  readonly through: 'the bus' | 'the command line alone';
}

/** Three times two that differ in everything: together they hold every pair of kind, sealing and way. */
const ways: readonly (readonly [Way, Way])[] = [
  [
    { repository: 's3-plain', through: 'the bus' },
    { repository: 'file-sealed', through: 'the command line alone' },
  ],
  [
    { repository: 's3-sealed', through: 'the command line alone' },
    { repository: 'file-plain', through: 'the bus' },
  ],
  [
    { repository: 's3-sealed', through: 'the bus' },
    { repository: 'file-plain', through: 'the command line alone' },
  ],
];

/** Each kind meets both of each: pairwise, in two rows a kind instead of eight. */
const rows = kinds.flatMap((kind, index) =>
  (ways[index % ways.length] ?? []).map((way, turn) => ({
    kind,
    ...way,
    dataset: `${kind.name}-${turn}`,
    isLast: turn === 1,
  })),
);
type Row = (typeof rows)[number];

let folder: string;
let bucket: S3Bed;
let platform: Platform;
let identity: string;
const fixtures = new Map<string, Fixture>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-pairs-'));
  for (const name of ['plain', 'sealed']) await mkdir(join(folder, name));
  bucket = await S3Bed.make();
  for (const { name, start } of kinds) fixtures.set(name, await start());
  const [sealed, index] = [await generateAgeKeys(), await generateAgeKeys()];
  identity = sealed.identity;
  const { endpoint, accessKeyId } = endpoints.s3;
  const onS3 = { endpoint, accessKeyId, secretAccessKey: '${env:S3_KEY}' };
  const identities = { identity: '${env:IDENTITY}', indexIdentity: '${env:INDEX_IDENTITY}' };
  const encryption = { recipients: [sealed.recipient], ...identities };
  const toUrl = (name: string) => pathToFileURL(join(folder, name)).href;
  const accepts = { strategies: ['new'], destinations: ['*'] };
  const each = <T>(toValue: (kind: Kind, fixture: Fixture) => T) =>
    Object.fromEntries(kinds.map((kind) => [kind.name, toValue(kind, fixtures.get(kind.name) as Fixture)]));
  platform = await Platform.start({
    secrets: { IDENTITY: sealed.identity, INDEX_IDENTITY: index.identity },
    config: {
      repositories: {
        's3-plain': { url: `s3://${bucket.bucket}/plain`, ...onS3 },
        's3-sealed': { url: `s3://${bucket.bucket}/sealed`, ...onS3, encryption },
        'file-plain': { url: toUrl('plain') },
        'file-sealed': { url: toUrl('sealed'), encryption },
      },
      datasets: Object.fromEntries(
        rows.map(({ kind, dataset, repository }) => [
          dataset,
          { ...fixtures.get(kind.name)?.dataset, kind: kind.kind, repositories: [repository] },
        ]),
      ),
      targets: each(({ name, kind }, { target }) => ({
        ...{ ...target, kind },
        accepts: { ...accepts, datasets: rows.filter((row) => row.kind.name === name).map(({ dataset }) => dataset) },
      })),
      profiles: each((_, { probes }) => ({ probes: probes.map((use) => ({ use })) })),
    },
  });
}, 180_000);
afterAll(async () => {
  await platform?.close();
  for (const fixture of fixtures.values()) {
    await fixture.clear?.();
    await fixture.close();
  }
  await bucket?.dispose();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const cli = (...args: string[]) => holdfast([...args, '--config', platform.configFile], platform.env);

/** Returns when the probes of the kind have proven the destination equal. */
async function restore({ kind, dataset, through }: Row, destination: string): Promise<void> {
  const place = { target: kind.name, destination, profile: kind.name };
  if (through === 'the bus') {
    const asked = await ask(platform, 'restore.requested', { dataset, backup: 'latest', strategy: 'new', ...place });
    const restored = await platform.next('restore.completed', causedBy(asked));
    const { verificationRunId } = restored.data;
    const isOf = ({ data }: SeenEvent) => data.runId === verificationRunId;
    expect((await platform.next('verification.completed', isOf)).data).toMatchObject({ verdict: 'passed' });
  } else {
    const options = Object.entries(place).flatMap(([name, value]) => [`--${name}`, value]);
    const { exitCode, stdout, stderr } = await cli('restore', 'run', `${dataset}@latest`, ...options, '--local');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.anything() });
    expect(stdout).toContain('passed');
  }
}

async function backUp({ dataset, through }: Row): Promise<void> {
  if (through === 'the bus') {
    const asked = await ask(platform, 'backup.requested', { dataset });
    await platform.next('backup.completed', causedBy(asked));
  } else {
    const { exitCode, stderr } = await cli('backup', 'run', dataset, '--local');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.anything() });
  }
}

/** Paths below the folder of a repository in a directory. */
const filesOf = async (repository: string, dataset: string): Promise<string[]> => {
  const root = join(folder, repository.replace('file-', ''), dataset);
  return (await readdir(root, { recursive: true })).map((name) => join(root, name));
};

const withAge = isAgeInstalled ? describe : describe.skip;

withAge('every kind of dataset, in repositories that are plain and sealed', () => {
  it.each(rows)('$kind.name comes back from $repository by $through', async (row) => {
    const fixture = fixtures.get(row.kind.name) as Fixture;
    for (let entries = 0; entries < 3; entries += 1) await fixture.write();
    const before = await fixture.read();
    await backUp(row);
    if (row.isLast) await fixture.destroy();
    const destination = fixture.newDestination();
    await restore(row, destination);
    expect(await fixture.read(destination)).toBe(before);
  });

  it('shows nothing of a sealed backup, and tells which of its objects has a flipped bit', async () => {
    const [row] = rows.filter(({ repository }) => repository === 'file-sealed');
    const files = await filesOf('file-sealed', row?.dataset ?? '');
    const dump = files.find((name) => /database[.]dump[.]zst[.]age$/.test(name)) ?? '';
    const bytes = await readFile(dump);
    expect(bytes.toString('latin1', 0, 21)).toBe('age-encryption.org/v1');
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(dump, bytes);
    const { target, destination } = { target: row?.kind.name ?? '', destination: 'never_made' };
    const place = ['--target', target, '--destination', destination, '--local'];
    const { exitCode, stderr } = await cli('restore', 'run', `${row?.dataset}@latest`, ...place);
    expect({ exitCode, stderr }).toEqual({
      exitCode: expect.any(Number),
      stderr: expect.stringContaining('database.dump.zst.age'),
    });
    expect(exitCode).not.toBe(0);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(dump, bytes);
  });

  it('brings a sealed backup back by hand, with age, zstd and the tools of the server in a clean shell', async () => {
    const fixture = fixtures.get('postgres18') as DatasetFixture;
    const files = await filesOf('file-sealed', 'postgres18-1');
    const manifest = JSON.parse(await readFile(files.find((name) => name.endsWith('manifest.json')) ?? '', 'utf8'));
    const work = await mkdtemp(join(folder, 'by-hand-'));
    await writeFile(join(work, 'identity.txt'), identity);
    const command = { program: 'bash', args: ['-e', '-c', manifest.restoreByHand.join('\n')], cwd: work };
    await runCommand({ ...command, env: fixture.byHand?.environment ?? {} }, { signal: new AbortController().signal });
    expect((await fixture.byHand?.read(work))?.split('\n')).toHaveLength(6);
  });
});
