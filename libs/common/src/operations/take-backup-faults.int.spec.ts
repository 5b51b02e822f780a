import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { sweptKey } from '#common/repository/layout.js';
import { openRepository } from '#common/repository/open-repository.js';
import { findBackup } from '#common/repository/read-backups.js';
import { BackupTestBed, type PostgresDeps } from '#common/testing/backup-test-bed.js';
import { listKeysOf } from '#common/testing/each-storage.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { pausing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { endpoints } from '#tools/services/endpoints.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();
const PASSWORD = 'hunter2-do-not-tell';

let scratch: ScratchDatabase;
let bed: BackupTestBed;
let reader: string;
let backup: string;
beforeAll(async () => {
  bed = await BackupTestBed.create();
  // 24 MB that do not compress: more than all pipes and buffers between pg_dump and the repository hold.
  scratch = await ScratchDatabase.create(
    'postgres18',
    `CREATE TABLE public.big (body bytea)`,
    `ALTER TABLE public.big ALTER body SET STORAGE external`,
    `INSERT INTO public.big SELECT decode((SELECT string_agg(md5(random()::text || n || m), '') FROM generate_series(1, 6000) m), 'hex')
     FROM generate_series(1, 250) n`,
    `CREATE TABLE public.tenants (id int); CREATE TABLE public.tenants2 (id int)`,
  );
  reader = await scratch.createRole('reader', `LOGIN PASSWORD '${PASSWORD}'`);
  backup = await scratch.createRole('backup', `LOGIN BYPASSRLS PASSWORD '${PASSWORD}' IN ROLE pg_read_all_data`);
});
afterEach(async () => {
  expect((await bed.files()).filter((file) => !file.endsWith('/repository.json'))).toEqual([]);
  while ((await scratch.query(SESSIONS)).length > 0) await sleep(20);
});
afterAll(async () => {
  await scratch.drop();
  await bed.remove();
});

/** Everything of ours in the server; what holds its snapshot would keep VACUUM from working. */
const SESSIONS = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'holdfast%'`;

const IDLE_IN_TRANSACTION = `${SESSIONS} AND application_name ~ ' a1$' AND state = 'idle in transaction'`;

const take = (
  dataset: Partial<PostgresDataset>,
  deps: Partial<PostgresDeps> = {},
  stop: AbortSignal = signal,
): Promise<Manifest> => takeBackup(bed.attempt(scratch.dataset(dataset)), bed.deps(deps), stop);

const whilePaused = (meanwhile: () => Promise<void>): Partial<PostgresDeps> => ({
  repository: new ScriptedRepository(bed.repository, pausing(meanwhile)),
});

const terminate = (which: string): Promise<void> =>
  scratch.execute(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'holdfast%' AND ${which}`);

describe('a source that dies midway', () => {
  it('leaves no manifest and no readable object when it is the session of pg_dump', async () => {
    const taking = take(
      {},
      whilePaused(() => terminate(`query LIKE 'COPY%'`)),
    );
    await expect(taking).rejects.toMatchObject({
      ...{ code: 'engine.exit', retryable: true, hint: expect.stringContaining('stderrTail') },
      context: { stderrTail: expect.stringContaining('Dumping the contents of table "big" failed'), exitCode: 1 },
    });
  });

  it('stops the dump at once when it is the session that holds the locks', async () => {
    const holder = `application_name ~ '^holdfast [^ ]+ a1$' AND xact_start IS NOT NULL`;
    const taking = take(
      {},
      whilePaused(async () => {
        await until('it has counted', async () => (await scratch.query(IDLE_IN_TRANSACTION)).length > 0);
        await terminate(holder);
        // The storage takes nothing meanwhile: what ends the children is not the end of their output.
        await until('no child is left', async () => (await findChildren(scratch)).length === 0);
      }),
    );
    await expect(taking).rejects.toMatchObject({ code: 'postgres.unreachable', retryable: true });
  });
});

describe('a backup that is stopped', () => {
  it('ends with the reason and takes its children along', async () => {
    const stop = new AbortController();
    const reason = new Error('claim lost');
    const taking = take(
      {},
      whilePaused(async () => stop.abort(reason)),
      stop.signal,
    );
    await expect(taking).rejects.toBe(reason);
    expect(await findChildren(scratch)).toEqual([]);
  });

  it('before it began does nothing', async () => {
    const reason = new Error('cancelled');
    await expect(take({}, {}, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('while it reads the position gives its locks back', async () => {
    const stop = new AbortController();
    const readBusPosition: PostgresDeps['readBusPosition'] = async (o) => {
      stop.abort(new Error('claim lost'));
      throw o.signal.reason;
    };
    await expect(take({}, { readBusPosition }, stop.signal)).rejects.toThrow('claim lost');
  });
});

describe('before any work', () => {
  const as = (user: string, password = PASSWORD): Partial<PostgresDataset> => ({
    connection: scratch.connectionOf(user, password),
  });

  it('a wrong password is said, and not repeated', async () => {
    const error = await take(as(reader, 'hunter3')).catch((each) => each);
    expect(error).toMatchObject({ code: 'postgres.auth', hint: expect.stringContaining('password') });
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain('hunter3');
  });

  it('a missing database is said', async () => {
    const connection = { ...scratch.connection, database: 'gone' };
    await expect(take({ connection })).rejects.toMatchObject({ code: 'postgres.database-missing' });
  });

  it('tables that the role may not read are named, with the grant that helps', async () => {
    await expect(take(as(reader))).rejects.toMatchObject({
      code: 'postgres.permission',
      message: `role ${reader} may not read public.big, public.tenants, public.tenants2`,
      context: { relations: ['public.big', 'public.tenants', 'public.tenants2'] },
      hint: expect.stringContaining(`GRANT pg_read_all_data TO ${reader}`),
    });
  });

  it('tables whose rows are hidden from the role are named, with the right that helps', async () => {
    await scratch.execute(
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`,
      `ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY`,
      `CREATE POLICY everything ON public.tenants USING (true)`,
    );
    await expect(take(as(reader))).rejects.toMatchObject({
      code: 'postgres.rls-hidden',
      message: `row-level security hides rows of public.tenants from role ${reader}`,
      hint: expect.stringContaining(`ALTER ROLE ${reader} BYPASSRLS`),
    });
  });

  it('tools that are too old or absent are said', async () => {
    const engine = postgresEngine(new PgTools(() => Promise.resolve([])));
    const old = { toolDirectories: [endpoints.postgres15.binDir] };
    await expect(take(old, { engine })).rejects.toMatchObject({ code: 'postgres.tool-too-old' });
    await expect(take({ toolDirectories: [] }, { engine })).rejects.toMatchObject({ code: 'postgres.tool-missing' });
  });

  it('a query for the migration head that fails is said', async () => {
    await expect(take({ migrationHeadQuery: 'SELECT 1 FROM nowhere' })).rejects.toMatchObject({
      code: 'config.invalid',
    });
  });
});

describe('a manifest whose answer got lost', () => {
  it('keeps the backup that it made', async () => {
    const lost = new AppError('repository.unavailable', 'the connection was reset');
    const repository = new ScriptedRepository(bed.repository, {
      put: async (put, key, body, o) => {
        const written = await put(key, body, o);
        if (key.endsWith('/manifest.json')) throw lost;
        return written;
      },
    });
    const attempt = bed.attempt(scratch.dataset());
    await expect(takeBackup(attempt, bed.deps({ repository }), signal)).rejects.toBe(lost);
    const adopted = await findBackup(bed.repository, 'shop', attempt.backupId, { signal });
    expect(adopted).toMatchObject({ backupId: attempt.backupId, attempt: 1 });
    if (adopted) await forget(adopted);
  });
});

describe('an attempt that froze before its manifest and was swept', () => {
  it('calls nothing completed when it thaws', async () => {
    const attempt = bed.attempt(scratch.dataset());
    const repository = new ScriptedRepository(bed.repository, {
      put: async (put, key, body, o) => {
        const [attemptKey, name] = key.split('/manifest.json');
        if (attemptKey !== undefined && name !== undefined)
          await put(sweptKey(attemptKey), Buffer.alloc(0), { signal });
        return put(key, body, o);
      },
    });
    await expect(takeBackup(attempt, bed.deps({ repository }), signal)).rejects.toMatchObject({ code: 'claim.lost' });
    expect(await findBackup(bed.repository, 'shop', attempt.backupId, { signal })).toBeUndefined();
    for (const key of await listKeysOf(bed.repository, `shop/${attempt.backupId}`))
      await bed.repository.remove(key, { signal });
  });
});

describe('a missing bucket', () => {
  it('is said, and stops the dump', async () => {
    const { endpoint, accessKeyId, secretAccessKey } = endpoints.s3;
    const repository = openRepository({
      name: 's3',
      url: `s3://nowhere-${scratch.id}`,
      endpoint,
      accessKeyId,
      secretAccessKey,
    });
    await expect(take({}, { repository })).rejects.toMatchObject({ code: 'repository.missing' });
    expect(await findChildren(scratch)).toEqual([]);
    await repository.close();
  });
});

describe('a password', () => {
  it('is in no command line while a backup runs, and the backup role needs to be no superuser', async () => {
    const seen: string[] = [];
    const meanwhile = async (): Promise<void> => {
      seen.push(...(await listCommandLines()));
    };
    const manifest = await take({ connection: scratch.connectionOf(backup, PASSWORD) }, whilePaused(meanwhile));
    expect(seen.some((line) => line.includes('pg_dump') && line.includes('--snapshot='))).toBe(true);
    expect(seen.filter((line) => line.includes(PASSWORD))).toEqual([]);
    expect(JSON.stringify(manifest)).not.toContain(PASSWORD);
    await forget(manifest);
  });
});

async function forget({ attemptKey, objects }: Manifest): Promise<void> {
  const keys = [...objects.map(({ key }) => key), `${attemptKey}/manifest.json`];
  for (const key of keys) await bed.repository.remove(key, { signal });
}

async function listCommandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.map((line) => line.replaceAll('\0', ' '));
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(10);
  }
}

/** Processes of ours that work on the database: it is in their environment. */
async function findChildren({ name }: ScratchDatabase): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((pid) => /^\d+$/.test(pid));
  const owned = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.includes(`PGDATABASE=${name}`) ? [pid] : [];
    }),
  );
  return owned.flat();
}
