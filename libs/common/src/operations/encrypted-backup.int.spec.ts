import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { parseProfile } from '#common/engines/profiles.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { parsePgUrl } from '#common/pg/connection.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { type AgeKeys, generateAgeKeys } from '#common/sealing/age.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { PLAIN_PROBES } from '#common/testing/plain-probes.js';
import { toPlace } from '#common/testing/restored.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { endpoints } from '#tools/services/endpoints.js';
import { openCanary, openIndexCanary } from './canary.js';
import { openBackup } from './open-backup.js';
import { takeBackup } from './take-backup.js';
import { verifyRestore } from './verify-restore.js';

const withAge = isAgeInstalled ? describe : describe.skip;
const { signal } = new AbortController();
/** In a name and in a row: neither may be read without the identity. */
const SECRET = 'pavlova';

let source: ScratchDatabase;
let bed: BackupTestBed;
let here: AgeKeys;
let vault: AgeKeys;
let manifest: Manifest;

beforeAll(async () => {
  if (!isAgeInstalled) return;
  [here, vault] = await Promise.all([generateAgeKeys(), generateAgeKeys()]);
  // As an executor that takes backups: it holds public keys only.
  bed = await BackupTestBed.create({ recipients: [here.recipient, vault.recipient] });
  source = await ScratchDatabase.create(
    'postgres18',
    `CREATE TABLE ${SECRET} AS SELECT id, '${SECRET} ' || id AS name FROM generate_series(1, 500) id`,
    `CREATE POLICY ${SECRET}_own ON ${SECRET} USING (name = current_user)`,
  );
  manifest = await takeBackup(bed.attempt(source.dataset()), bed.deps(), signal);
});
afterAll(async () => {
  for (const name of restored) await source.onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await source?.drop();
  await bed?.remove();
});

const asReader = (...keys: AgeKeys[]): BackupRepository =>
  bed.reopen({
    recipients: bed.repository.encryption.recipients,
    identity: keys.length === 0 ? undefined : keys.map(({ identity }) => identity).join('\n'),
  });

const target = () => ({
  ...{ name: 'staging', connection: parsePgUrl(endpoints.postgres18.url), toolDirectories: [source.binDir] },
  ...{ owner: undefined, privileges: 'keep' as const, missingRoles: 'refuse' as const, jobs: 1 },
  lockTimeoutMs: 2_000,
});

function restore(repository: BackupRepository, database: string, of = manifest) {
  const identity = { runId: of.runId, attempt: 1 };
  const order = { manifest: of, target: target(), destination: database, strategy: 'new' as const, identity };
  return restoreBackup(order, { repository, engine: postgres, workDirectory: bed.folder }, signal);
}

const restored: string[] = [];
function nameOf(suffix: string): string {
  restored.push(`${source.name}_${suffix}`);
  return `${source.name}_${suffix}`;
}

const databaseExists = async (name: string): Promise<boolean> =>
  (await source.query('SELECT FROM pg_database WHERE datname = $1', [name])).length > 0;

withAge('an encrypted backup', () => {
  it('says for whom it is sealed, and shows how much is in it, but neither names nor rows', async () => {
    expect(manifest).toMatchObject({
      ...{ recipients: [here.recipient, vault.recipient], facts: null, counts: { tables: 1, rows: 500 } },
      objects: ['database.dump.zst.age', 'globals.sql.zst.age', 'facts.json.zst.age'].map((name) => ({
        ...{ name, compression: 'zstd', encryption: 'age' },
      })),
    });
    for (const file of await bed.files()) expect((await readFile(file)).includes(SECRET)).toBe(false);
  });

  it.each(['here', 'vault'] as const)('is restored and proven with the identity %s', async (which) => {
    const repository = asReader(which === 'here' ? here : vault);
    const database = nameOf(which);
    await restore(repository, database);
    const { verdict, outcomes } = await verifyRestore(
      {
        ...{ runId: manifest.runId, manifest, ...toPlace({ database: { ...source.connection, database } }) },
        profile: { name: 'all', probes: parseProfile({ probes: PLAIN_PROBES.map((use) => ({ use })) }) },
      },
      { repository, engine: postgres, now: () => new Date() },
      signal,
    );
    expect(outcomes.filter((outcome) => outcome.verdict !== 'passed')).toEqual([]);
    expect(verdict).toBe('passed');
  });

  it('is refused before anything is touched where the identity is missing or another one', async () => {
    const stranger = await generateAgeKeys();
    const database = nameOf('refused');
    for (const [keys, code] of [
      [[], 'sealing.identity-missing'],
      [[stranger], 'sealing.identity-wrong'],
    ] as const) {
      const repository = asReader(...keys);
      const refusal = { code, message: expect.stringContaining(vault.recipient) };
      await expect(restore(repository, database)).rejects.toMatchObject(refusal);
      await expect(openBackup(manifest, { repository: repository, engine: postgres }, signal)).rejects.toMatchObject(
        refusal,
      );
      await expect(openCanary(repository, { signal })).rejects.toMatchObject({ code });
    }
    expect(await databaseExists(database)).toBe(false);
  });

  it.each(['database.dump', 'facts.json'])('is found damaged by one flipped bit of %s', async (name) => {
    const object = manifest.objects.find((each) => each.name.startsWith(name));
    const file = join(bed.folder, 'repository', object?.key ?? '');
    const whole = await readFile(file);
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1] = (whole[whole.length >> 1] ?? 0) ^ 1;
    await writeFile(file, flipped);
    const database = nameOf('flipped');
    await expect(restore(asReader(here), database)).rejects.toMatchObject({ code: 'backup.corrupt' });
    expect(await databaseExists(database)).toBe(false);
    await writeFile(file, whole);
  });

  it('is restored by hand with age, zstd and the tools of PostgreSQL alone', async () => {
    const folder = await mkdtemp(join(bed.folder, 'by-hand-'));
    await writeFile(join(folder, 'identity.txt'), `${vault.identity}\n`);
    await source.onServer(`DROP DATABASE ${source.name} WITH (FORCE)`);
    const { user: PGUSER, password: PGPASSWORD, host: PGHOST, port } = endpoints.postgres18;
    const env = { PATH: `${source.binDir}:/usr/bin:/bin`, PGUSER, PGPASSWORD, PGHOST, PGPORT: String(port) };
    await promisify(execFile)('sh', ['-ec', manifest.restoreByHand.join('\n')], { cwd: folder, env });
    expect(await source.query(`SELECT count(*)::int AS rows FROM ${SECRET}`)).toEqual([{ rows: 500 }]);
  });
});

withAge('the canary of a repository', () => {
  it('is placed by the first backup, and opened by every identity that opens the backups', async () => {
    const canaries = (await bed.files()).filter((file) => file.includes('_control/canaries'));
    expect(canaries).toHaveLength(1);
    for (const keys of [here, vault]) await openCanary(asReader(keys), { signal });
  });

  it('is another one for other recipients, so that a revoked identity is noticed', async () => {
    const next = await generateAgeKeys();
    const after = bed.reopen({ recipients: [next.recipient], identity: here.identity });
    await expect(openCanary(after, { signal })).rejects.toMatchObject({ code: 'sealing.identity-wrong' });
    await openCanary(bed.reopen({ recipients: [next.recipient], identity: `${here.identity}\n${next.identity}` }), {
      signal,
    });
    // What was sealed before still opens with the older identity.
    const reopened = bed.reopen({ recipients: [next.recipient], identity: here.identity });
    await openBackup(manifest, { repository: reopened, engine: postgres }, signal);
  });

  describe('of an index identity', () => {
    const withIndex = (...keys: AgeKeys[]) =>
      bed.reopen({
        recipients: bed.repository.encryption.recipients,
        indexIdentity: keys.length === 0 ? undefined : keys.map(({ identity }) => identity).join('\n'),
      });

    it('is opened by the one that named what is shared, and by no other', async () => {
      const [first, other] = await Promise.all([generateAgeKeys(), generateAgeKeys()]);
      expect(await openIndexCanary(withIndex(first), { signal })).toEqual([]);
      const refused = { code: 'sealing.identity-wrong', message: expect.stringContaining(first.recipient) };
      await expect(openIndexCanary(withIndex(other), { signal })).rejects.toMatchObject(refused);
      // As after a change of keys: the new one first, the old one for what it named.
      expect(await openIndexCanary(withIndex(other, first), { signal })).toEqual([]);
    });

    it('is not there without one, which is said', async () => {
      await expect(openIndexCanary(withIndex(), { signal })).rejects.toMatchObject({
        code: 'config.invalid',
        message: expect.stringContaining('encryption.indexIdentity is missing'),
      });
    });
  });
});
