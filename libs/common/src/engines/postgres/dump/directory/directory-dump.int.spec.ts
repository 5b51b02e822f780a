import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PgDumpMethod } from '#common/engines/postgres/dump/pg-dump.method.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { spoolObject } from '#common/operations/restore/spool-object.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { runCommand } from '#common/process/run-command.js';
import { Keyring } from '#common/sealing/keyring.js';
import { representative } from '#common/testing/representative.js';
import { shopOf } from '#common/testing/restore-shop.js';
import { comparable, type PgOrder, RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';

const { signal } = new AbortController();
const JOBS = { dump: { jobs: 3 } };
const AWKWARD = [
  `CREATE TABLE awkward ("x ""y"" $1" int, b bytea, f float8, i interval, d timestamptz, n numeric, t text, dropped int,
     g int GENERATED ALWAYS AS ("x ""y"" $1" * 2) STORED)`,
  `ALTER TABLE awkward DROP COLUMN dropped`,
  `INSERT INTO awkward VALUES (1, '\\xdeadbeef', 0.1::float8 + 0.2, '1 day -3 hours', now(), 1e-20, E'a\\tb\\n\\\\.\\n\\\\N')`,
  `INSERT INTO awkward VALUES (NULL, '', 'NaN', '-1 mon', 'infinity', 'NaN', '')`,
  `CREATE TABLE nothing ()`,
  `INSERT INTO nothing DEFAULT VALUES`,
  `CREATE TABLE big AS SELECT n, md5(n::text) AS hash FROM generate_series(1, 60000) n`,
  `SELECT lo_unlink(oid) FROM pg_largeobject_metadata`,
];

describe.each(representative(['postgres18', 'postgres15'] as const))('a dump by several jobs on %s', (server) => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    await shopOf(bed.source);
    await bed.source.execute(...AWKWARD);
    manifest = await bed.backup(JOBS);
  });
  afterAll(() => bed.drop());

  it('has a file for each table, and equals the source in every fact when it is restored', async () => {
    const names = manifest.objects.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['toc.dat.zst', 'globals.sql.zst', expect.stringMatching(/^\d+\.dat\.zst$/)]),
    );
    const database = bed.nameOf('whole');
    await bed.restore(bed.order(manifest, database));
    expect(comparable(await bed.facts(database))).toEqual(comparable(await bed.facts(bed.source.name)));
    const outcomes = await bed.verify(manifest, database, ['archive-list', 'row-counts', 'fingerprints', 'schema']);
    expect(outcomes.filter(({ verdict }) => verdict !== 'passed')).toEqual([]);
  });

  it('comes back in place, and in parts', async () => {
    const database = bed.nameOf('again');
    await bed.restore(bed.order(manifest, database));
    await bed.query(database, 'DELETE FROM big; UPDATE awkward SET t = NULL');
    await bed.restore(bed.order(manifest, database, { strategy: 'in-place' }));
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
    const one: PgOrder = bed.order(manifest, bed.nameOf('one'), { parts: ['public.big'] });
    await bed.restore(one, { dataset: bed.source.dataset() });
    expect(await bed.query(one.destination, 'SELECT count(*)::int AS n FROM big')).toEqual([{ n: 60_000 }]);
  });

  it('is for pg_restore what pg_dump itself writes into a directory', async () => {
    const { source, backups } = bed;
    const [ours, theirs] = ['ours', 'theirs'].map((name) => join(backups.folder, name)) as [string, string];
    await mkdir(ours);
    for (const object of manifest.objects) {
      const name = object.name.replace(/\.zst$/, '');
      await spoolObject(object, backups.repository, join(backups.folder, name), { signal, keyring: Keyring.empty });
      if (/^(toc|\d+)\.dat$/.test(name)) await rename(join(backups.folder, name), join(ours, name));
    }
    const { host, port, user, password = '' } = source.connection;
    const env = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: source.name };
    const run = async (program: string, ...args: string[]) =>
      (await runCommand({ program: join(source.binDir, program), args, env }, { signal })).stdout;
    await run('pg_dump', '--format=directory', '--compress=0', `--file=${theirs}`);
    expect(await readdir(ours)).toHaveLength((await readdir(theirs)).length);
    const withoutDate = (text: string) => text.replaceAll(/^(;.*|\\(un)?restrict .*|-- Dumped .*)$/gm, '');
    const scripts = await Promise.all([ours, theirs].map((folder) => run('pg_restore', '--file=-', folder)));
    expect(withoutDate(scripts[0] ?? '')).toBe(withoutDate(scripts[1] ?? ''));
  });

  it('shows one moment of tables that are written to while it runs', async () => {
    await bed.source.execute('CREATE TABLE left_side (n int); CREATE TABLE right_side (n int)');
    let isOver = false;
    const writing = (async () => {
      for (let n = 0; !isOver; n += 1)
        await bed.source.execute(
          `BEGIN; INSERT INTO left_side VALUES (${n}); INSERT INTO right_side VALUES (${n}); COMMIT`,
        );
    })();
    const moving = await bed.backup(JOBS).finally(() => {
      isOver = true;
    });
    await writing;
    const database = bed.nameOf('moment');
    await bed.restore(bed.order(moving, database));
    const [row] = await bed.query(
      database,
      'SELECT (SELECT count(*) FROM left_side) = (SELECT count(*) FROM right_side) AS equal',
    );
    expect(row).toEqual({ equal: true });
    expect(await bed.verify(moving, database, ['row-counts', 'fingerprints'])).toMatchObject([
      { verdict: 'passed' },
      { verdict: 'passed' },
    ]);
  });

  it('is no backup where one table cannot be copied to its end, and leaves no session', async () => {
    await bed.source.execute(
      'CREATE TABLE huge AS SELECT n, md5(n::text) AS hash FROM generate_series(1, 500000) n',
      'ANALYZE huge',
    );
    const attempt = bed.backups.attempt(bed.source.dataset(JOBS));
    const engine = postgresEngine(bed.tools, new PgDumpMethod(bed.tools));
    const applicationName = `holdfast ${attempt.runId} a${attempt.attempt}`;
    const sessions = `pg_stat_activity WHERE starts_with(application_name, '${applicationName}')`;
    // pg_dump itself writes stdout in small letters. Storage takes nothing until then, so that the largest table is still being copied.
    const { promise: isKilled, resolve: kill } = Promise.withResolvers<void>();
    const slow = new ScriptedRepository(bed.backups.repository, {
      put: async (real, ...of) => {
        if (of[0].includes('.dat')) await isKilled;
        return real(...of);
      },
    });
    const copying = `SELECT count(pg_terminate_backend(pid))::int AS n FROM ${sessions} AND query LIKE 'COPY%TO STDOUT%' AND state = 'active'`;
    const killed = async (): Promise<void> => {
      for (let tries = 0; tries < 500; tries += 1) {
        const [row] = await bed.query<{ n: number }>('postgres', copying);
        if (row?.n) break;
        await sleep(20);
      }
      kill();
    };
    const taking = takeBackup(attempt, { ...bed.backups.deps(), repository: slow, engine }, signal);
    await Promise.all([expect(taking).rejects.toMatchObject({ code: 'engine.exit' }), killed()]);
    // The server notices within moments that its clients are gone.
    for (let tries = 0; tries < 250; tries += 1) {
      if ((await bed.query('postgres', `SELECT FROM ${sessions}`)).length === 0) break;
      await sleep(20);
    }
    expect(await bed.query('postgres', `SELECT FROM ${sessions}`)).toEqual([]);
    expect((await bed.backups.files()).filter((name) => name.includes(attempt.backupId))).toEqual([]);
  });

  it('is made by one job, and says so, where only pg_dump can write what there is', async () => {
    await bed.source.execute('DROP TABLE huge', `SELECT lo_from_bytea(0, 'large')`);
    const whole = await bed.backup(JOBS);
    expect(whole.objects.map(({ name }) => name)).toContain('database.dump.zst');
    expect(whole.warnings).toEqual([
      expect.stringContaining('by one job instead of 3, for the database holds large objects'),
    ]);
  });
});
