import { mkdtemp, open, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { parseProfile } from '#common/engines/profiles.js';
import { AppError } from '#common/errors/app-error.js';
import type { PgConnection } from '#common/pg/connection.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { FileRepository } from '#common/repository/file-repository.js';
import { factsOf } from '#common/testing/backup-test-bed.js';
import { toPlace } from '#common/testing/restored.js';
import { RestoredShop } from '#common/testing/restored-shop.js';
import { observing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { VerificationResult } from './keep-verdict.js';
import { verifyRestore } from './verify-restore.js';

const signal = new AbortController().signal;
const tools = new PgTools();
const RUN_ID = '7f9c1a52-3c55-4a6e-9d59-0f2f35a5a001';
let shop: RestoredShop;
let root: string;
let repository: FileRepository;
let manifest: Manifest;
let database: PgConnection;

beforeAll(async () => {
  shop = await RestoredShop.create();
  database = await shop.restore();
});
afterAll(() => shop?.drop());

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-verify-'));
  repository = new FileRepository('local', root);
  const facts = await shop.manifest();
  manifest = { ...facts, objects: [await dump(facts.attemptKey)] };
});
afterEach(() => rm(root, { recursive: true }));

/** The bare tools, so that this spec proves the probes and not our own backup. */
async function dump(attemptKey: string): Promise<ManifestObject> {
  const toolset = await tools.find(18, ['pg_dump'], { directories: [endpoints.postgres18.binDir], signal });
  const chain = spawnChain(
    [
      { program: toolset.path('pg_dump'), args: ['-Fc', '-Z0'], env: toPgEnvironment(shop.connection, 'spec') },
      { program: 'zstd', args: ['-q', '-1'] },
    ],
    { signal },
  );
  const name = 'database.dump.zst';
  const { key, sizeBytes, sha256 } = await repository.put(`${attemptKey}/${name}`, chain.stdout, { signal });
  return { name, key, sizeBytes, sha256, compression: 'zstd', encryption: 'none' };
}

/** The same, for the other direction: what PostgreSQL itself makes of the archive. */
async function restoreWith(...args: string[]): Promise<PgConnection> {
  const toolset = await tools.find(18, ['pg_restore'], { directories: [endpoints.postgres18.binDir], signal });
  const empty = await shop.createEmpty();
  const env = toPgEnvironment(empty, 'spec');
  const input = await repository.get(manifest.objects[0]?.key ?? '', { signal });
  const chain = spawnChain(
    [
      { program: 'zstd', args: ['-dcq'] },
      { program: toolset.path('pg_restore'), args: ['-d', empty.database, '--exit-on-error', ...args], env },
    ],
    { signal, input },
  );
  await text(chain.stdout);
  return empty;
}

function verify(
  probes: object[],
  on: PgConnection = database,
  target: object = {},
  to: BackupRepository = repository,
): Promise<VerificationResult> {
  return verifyRestore(
    {
      ...{ runId: RUN_ID, manifest, profile: { name: 'shop', probes: parseProfile({ probes }) } },
      ...toPlace({ database: on, ...target }),
    },
    { repository: to, engine: postgres, now: () => new Date('2026-11-21T10:00:00Z') },
    signal,
  );
}

const EVERYTHING = [
  { use: 'checksums' },
  { use: 'archive-list' },
  { use: 'row-counts' },
  { use: 'fingerprints' },
  { use: 'schema' },
  { use: 'sequences' },
  { use: 'extensions' },
  { use: 'privileges' },
  { use: 'rls' },
];

const archive = (): string => join(root, manifest.objects[0]?.key ?? '');

async function overwrite(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.from('tampered'), 0, 8, at);
  await handle.close();
}

const problems = ({ outcomes }: VerificationResult): string[] =>
  outcomes.flatMap(({ evidence }) =>
    evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`])),
  );

describe('verifyRestore', () => {
  it('passes a true copy and keeps the verdict beside the backup', async () => {
    const result = await verify(EVERYTHING);
    expect(problems(result)).toEqual([]);
    expect(result.verdict).toBe('passed');
    expect(result.verdictKey).toBe(`shop/${manifest.backupId}/verdicts/2026-11-21T10:00:00.000Z-${RUN_ID}.json`);
    const kept = JSON.parse(await text(await repository.get(String(result.verdictKey), { signal })));
    expect(kept).toMatchObject({ backupId: manifest.backupId, profile: 'shop', verdict: 'passed' });
    expect(kept.probes).toHaveLength(9);
    expect(JSON.stringify(kept)).not.toContain('postgres:postgres');
  });

  it('tells no verdict that could not be kept', async () => {
    const away = new ScriptedRepository(
      repository,
      observing(({ key }) => {
        if (key.includes('/verdicts/')) throw new AppError('repository.unavailable', 'the storage is away');
      }),
    );
    const verifying = verify([{ use: 'checksums' }], database, {}, away);
    await expect(verifying).rejects.toMatchObject({ code: 'repository.unavailable' });
  });

  it('holds the backup until the verdict is kept', async () => {
    const changes: string[] = [];
    const observed = new ScriptedRepository(
      repository,
      observing(({ kind, key }) => changes.push(`${kind} ${key}`)),
    );
    await verify([{ use: 'checksums' }], database, {}, observed);
    const parts = changes.map((change) => /^(\w+) .*[/](holds|verdicts)[/]/.exec(change)?.slice(1).join(' '));
    expect(parts).toEqual(['put holds', 'stored holds', 'put verdicts', 'stored verdicts', 'remove holds']);
  });

  it('passes what pg_restore made, with owners and privileges kept', async () => {
    const result = await verify(EVERYTHING, await restoreWith());
    expect(problems(result)).toEqual([]);
    expect(result.verdict).toBe('passed');
  });

  it('passes what pg_restore made for one owner, saying what was not compared', async () => {
    const restored = await restoreWith('--no-owner', '--no-privileges', `--role=${shop.owner}`);
    const result = await verify(EVERYTHING, restored, { privileges: 'drop', owner: shop.owner });
    expect(problems(result)).toEqual([]);
    expect(result.verdict).toBe('passed');
    const privileges = result.outcomes.find(({ probe }) => probe === 'privileges');
    expect(privileges?.summary).toContain('privileges not compared: the target drops them');
    const asKept = await verify([{ use: 'privileges' }], restored);
    expect(problems(asKept)).toContain(
      'view public.owner_orders: the owner changed; it runs with the rights of its owner',
    );
  });

  it('finds one changed byte of an object', async () => {
    await overwrite(archive(), 500);
    const result = await verify([{ use: 'checksums' }]);
    expect(result.verdict).toBe('failed');
    expect(problems(result)).toEqual(['database.dump.zst: the content differs']);
  });

  it('finds an object that is short or gone, and an archive that does not decompress', async () => {
    await truncate(archive(), 700);
    const short = await verify([{ use: 'checksums' }, { use: 'archive-list' }]);
    expect(short.verdict).toBe('failed');
    expect(problems(short)[0]).toBe('database.dump.zst: the size differs');
    expect(problems(short)[1]).toMatch(/^database\.dump\.zst: the archive cannot be read/);
    await rm(archive());
    expect(problems(await verify([{ use: 'checksums' }]))).toEqual(['database.dump.zst: the object is missing']);
  });

  it('finds a table of the snapshot that the archive does not list', async () => {
    const facts = factsOf(manifest);
    const [first] = facts.tables;
    if (first === undefined) throw new Error('no table');
    manifest = {
      ...manifest,
      facts: { ...facts, tables: [...facts.tables, { ...first, name: 'public."price list"' }] },
    };
    const result = await verify([{ use: 'archive-list' }]);
    expect(problems(result)).toEqual(['public."price list": the archive has no entry for the table']);
  });

  it('reaches no verdict about a database that does not exist, though no probe asks it', async () => {
    const absent = { ...database, database: 'nobody_restored_this' };
    await expect(verify([{ use: 'checksums' }], absent)).rejects.toMatchObject({ code: 'postgres.database-missing' });
    await overwrite(archive(), 500);
    expect(await verify([{ use: 'checksums' }], absent)).toMatchObject({ verdict: 'failed' });
  });

  it('keeps what the others found when a probe runs out of time', async () => {
    const slow = { use: 'sql', timeoutMs: 300, assertions: [{ query: 'SELECT pg_sleep(20)', rows: 1 }] };
    const { verdict, outcomes } = await verify([slow, { use: 'row-counts' }]);
    expect(verdict).toBe('inconclusive');
    expect(outcomes).toMatchObject([
      { verdict: 'inconclusive', summary: 'probe sql did not end within 300 ms' },
      { verdict: 'passed' },
    ]);
    await rm(join(root, 'shop', manifest.backupId, 'verdicts'), { recursive: true });
  });

  it('throws when a probe could not look, and keeps no verdict', async () => {
    const blind = { use: 'sql', assertions: [{ query: 'SELEC 1', rows: 1 }] };
    await expect(verify([{ use: 'row-counts' }, blind])).rejects.toMatchObject({
      code: 'probe.impossible',
      context: { found: [expect.stringMatching(/^row-counts passed: /), expect.stringMatching(/^sql inconclusive: /)] },
    });
    for await (const { key } of repository.list(`shop/${manifest.backupId}/verdicts`, { signal })) {
      throw new Error(`${key} is kept`);
    }
  });

  it('stays failed when another probe could not look', async () => {
    const blind = { use: 'sql', assertions: [{ query: 'SELEC 1', rows: 1 }] };
    const tampered = await shop.restore('DELETE FROM orders WHERE id = 1');
    const result = await verify([blind, { use: 'row-counts' }], tampered);
    expect(result.verdict).toBe('failed');
    expect(result.outcomes.map(({ verdict }) => verdict)).toEqual(['inconclusive', 'failed']);
    expect(JSON.parse(await readFile(join(root, String(result.verdictKey)), 'utf8'))).toMatchObject({
      verdict: 'failed',
    });
  });

  it('reaches its verdict with a repository that may only be read, and says what was not written', async () => {
    const denied = new AppError('repository.denied', 'read only');
    const readOnly = new Proxy(repository, {
      get: (of, name) => (name === 'put' ? () => Promise.reject(denied) : Reflect.get(of, name, of)),
    });
    const said: unknown[] = [];
    const say = (what: string) => (error: AppError) => void said.push([what, error]);
    const result = await verifyRestore(
      {
        ...{
          runId: RUN_ID,
          manifest,
          profile: { name: 'shop', probes: parseProfile({ probes: EVERYTHING }) },
        },
        ...toPlace({ database }),
      },
      {
        repository: readOnly,
        engine: postgres,
        now: () => new Date(),
        onUnheld: say('unheld'),
        onUnkept: say('unkept'),
      },
      signal,
    );
    expect(result).toMatchObject({ verdict: 'passed', verdictKey: null });
    expect(said).toEqual([
      ['unheld', denied],
      ['unkept', denied],
    ]);
  });

  it('ends at once when it is cancelled', async () => {
    const controller = new AbortController();
    const slow = parseProfile({ probes: [{ use: 'sql', assertions: [{ query: 'SELECT pg_sleep(60)', rows: 1 }] }] });
    const running = verifyRestore(
      {
        ...{ runId: RUN_ID, manifest, profile: { name: 'slow', probes: slow } },
        ...toPlace({ database }),
      },
      {
        repository,
        engine: postgres,
        now: () => new Date(),
        onProbe: () => setTimeout(() => controller.abort(new Error('enough')), 100),
      },
      controller.signal,
    );
    await expect(running).rejects.toThrow('enough');
  });
});
