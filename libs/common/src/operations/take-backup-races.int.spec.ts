import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { Manifest } from '#common/contracts/manifest.js';
import { PgDumpMethod } from '#common/engines/postgres/dump/pg-dump.method.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { BackupTestBed, factsOf, type PostgresDeps } from '#common/testing/backup-test-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { pausing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();
const session = { signal, applicationName: 'spec' };
const position: BusPosition = {
  ...{ state: 'proven', takenAt: '2026-01-01T00:00:00Z', clusterId: 'c', topicIds: {}, partitions: [] },
};

const impatient = postgresEngine(new PgTools(), new PgDumpMethod(new PgTools(), 3));

let scratch: ScratchDatabase;
let bed: BackupTestBed;
beforeAll(async () => {
  bed = await BackupTestBed.create();
  scratch = await ScratchDatabase.create(
    'postgres18',
    `CREATE TABLE public.refilled (id int); INSERT INTO public.refilled SELECT generate_series(1, 500)`,
    `CREATE TABLE public.before (id int)`,
  );
});
afterAll(async () => {
  await scratch.drop();
  await bed.remove();
});

const take = (changes: Partial<PostgresDeps> = {}, dataset = scratch.dataset()): Promise<Manifest> =>
  takeBackup(bed.attempt(dataset), bed.deps(changes), signal);

const rowsOf = (manifest: Manifest, table: string): Promise<string[]> =>
  bed.rowsIn(manifest.objects[0]?.key ?? '', table, scratch);

const countOf = (manifest: Manifest, table: string): number | undefined =>
  factsOf(manifest).tables.find(({ name }) => name === table)?.rows;

describe('a table that is locked', () => {
  it('is waited for as long as its dataset says, and named with its holder', async () => {
    const holder = await PgSession.open(scratch.connection, session);
    await holder.query('BEGIN; LOCK TABLE refilled IN ACCESS EXCLUSIVE MODE');
    const who =
      /waited 1 s in vain for .*: pid \d+ \(postgres, spec, idle in transaction for \d+ s\) holds public\.refilled$/;
    await expect(take({}, scratch.dataset({ lockTimeoutMs: 1_000 }))).rejects.toMatchObject({
      code: 'postgres.locked',
      message: expect.stringMatching(who),
      context: { holders: [{ relation: 'public.refilled', pid: holder.backendPid }] },
    });
    await holder.close();
  });
});

const REFILL = 'BEGIN; TRUNCATE refilled; INSERT INTO refilled SELECT generate_series(1, 500); COMMIT';

/** Truncates and refills in one transaction at odd moments, until `stop` aborts. Returns how often. */
async function refill(stop: AbortSignal): Promise<number> {
  const writer = await PgSession.open(scratch.connection, session);
  let rounds = 0;
  while (!stop.aborted) {
    await writer.query(REFILL);
    rounds += 1;
    await sleep(Math.random() * 200);
  }
  await writer.close();
  return rounds;
}

describe('a table truncated and refilled by a concurrent transaction', () => {
  it('is never empty, at whatever moment the backup comes', async () => {
    const stop = new AbortController();
    const writing = refill(stop.signal);
    try {
      for (let round = 0; round < 12; round += 1) {
        const manifest = await take();
        expect(countOf(manifest, 'public.refilled')).toBe(500);
        expect(await rowsOf(manifest, 'public.refilled')).toHaveLength(500);
      }
    } finally {
      stop.abort();
      expect(await writing).toBeGreaterThan(12);
    }
  });

  it('that is not yet over when the backup comes is waited for, and then not empty', async () => {
    const writer = await PgSession.open(scratch.connection, session);
    await writer.query(REFILL.replace(' COMMIT', ''));
    const taking = take();
    const waiting = `SELECT FROM pg_stat_activity WHERE application_name LIKE 'holdfast%' AND wait_event_type = 'Lock'
                       AND datname = current_database()`;
    while ((await scratch.query(waiting)).length === 0) await sleep(5);
    await writer.query('COMMIT');
    const manifest = await taking;
    expect(countOf(manifest, 'public.refilled')).toBe(500);
    expect(await rowsOf(manifest, 'public.refilled')).toHaveLength(500);
    await writer.close();
  });

  it('is let through when it waits for our locks before pg_dump has its own', async () => {
    const writer = await PgSession.open(scratch.connection, session);
    const refills: Promise<unknown>[] = [];
    const readBusPosition = async (): Promise<BusPosition> => {
      // Only the first try meets it: the second begins after it.
      if (refills.length === 0) {
        refills.push(writer.query(REFILL));
        while (!(await isWaiting(writer))) await sleep(5);
      } else await Promise.all(refills);
      return position;
    };
    const manifest = await take({ readBusPosition });
    expect(countOf(manifest, 'public.refilled')).toBe(500);
    expect(await rowsOf(manifest, 'public.refilled')).toHaveLength(500);
    await writer.close();
  });

  it('waits for the end of a dump that has begun', async () => {
    const writer = await PgSession.open(scratch.connection, session);
    let truncating: Promise<unknown> | undefined;
    const meanwhile = async (): Promise<void> => {
      truncating ??= writer.query('TRUNCATE refilled');
      while (!(await isWaiting(writer))) await sleep(5);
    };
    const manifest = await take({ repository: new ScriptedRepository(bed.repository, pausing(meanwhile)) });
    expect(countOf(manifest, 'public.refilled')).toBe(500);
    expect(await rowsOf(manifest, 'public.refilled')).toHaveLength(500);
    await truncating;
    await writer.close();
  });

  it('that comes in between every time is an error, and no empty table', async () => {
    const writer = await PgSession.open(scratch.connection, session);
    const readBusPosition = async (): Promise<BusPosition> => {
      writer.query(REFILL).catch(() => undefined);
      while (!(await isWaiting(writer))) await sleep(5);
      return position;
    };
    await expect(take({ readBusPosition, engine: impatient })).rejects.toMatchObject({
      ...{ code: 'postgres.changing', retryable: true, message: expect.stringContaining('3 times in a row') },
    });
    await writer.close();
  });
});

/** Whether a session waits for a lock. */
async function isWaiting({ backendPid }: PgSession): Promise<boolean> {
  const rows = await scratch.query('SELECT FROM pg_locks WHERE pid = $1 AND NOT granted', [backendPid]);
  return rows.length > 0;
}

describe('a table created meanwhile', () => {
  it('is in the backup, and the position is read again', async () => {
    let reads = 0;
    const readBusPosition = async (): Promise<BusPosition> => {
      reads += 1;
      if (reads === 1)
        await scratch.execute('CREATE TABLE public.late (id int)', 'INSERT INTO public.late VALUES (1), (2)');
      return position;
    };
    const manifest = await take({ readBusPosition });
    expect(reads).toBe(2);
    expect(countOf(manifest, 'public.late')).toBe(2);
    expect(await rowsOf(manifest, 'public.late')).toEqual(['1', '2']);
  });

  it('over and over is an error that is worth a retry', async () => {
    let reads = 0;
    const readBusPosition = async (): Promise<BusPosition> => {
      reads += 1;
      await scratch.execute(`CREATE TABLE public.late_${reads} (id int)`);
      return position;
    };
    await expect(take({ readBusPosition, engine: impatient })).rejects.toMatchObject({
      code: 'postgres.changing',
      retryable: true,
    });
  });
});

/** A pg_dump that lets users in first: by then the snapshot is fixed, and pg_dump has no lock of its own. */
async function pgDumpAfter(statements: string): Promise<string> {
  const folder = join(bed.folder, 'tools');
  const tool = (name: string): string => join(scratch.binDir, name);
  const script = `#!/bin/sh
case "$*" in *--version*) ;; *) "${tool('psql')}" -Xqc "${statements}" || exit 1 ;; esac
exec "${tool('pg_dump')}" "$@"
`;
  await mkdir(folder);
  await writeFile(join(folder, 'pg_dump'), script);
  await chmod(join(folder, 'pg_dump'), 0o755);
  for (const name of ['pg_dumpall', 'psql']) await symlink(tool(name), join(folder, name));
  return folder;
}

describe('what happens after the snapshot', () => {
  it('and before pg_dump has begun is in no fact, and sequences are as they were before', async () => {
    await scratch.execute('CREATE SEQUENCE public.numbers', `SELECT nextval('numbers')`);
    const folder = await pgDumpAfter(
      `CREATE TABLE IF NOT EXISTS public.added (id int); SELECT nextval('numbers') FROM generate_series(1, 9)`,
    );
    const facts = factsOf(await take({}, scratch.dataset({ toolDirectories: [folder] })));
    expect(facts.tables.filter(({ name }) => name === 'public.added')).toEqual([]);
    const [sequence] = facts.sequences.filter(({ name }) => name === 'public.numbers');
    expect(sequence).toMatchObject({ lastValue: '1', lastValueAtEnd: '10' });
  });

  it('meets our own locks and snapshot as long as anything of the dump is stored', async () => {
    const held: unknown[] = [];
    const meanwhile = async (): Promise<void> => {
      const rows = await scratch.query<{ has_snapshot: boolean; locks: number }>(
        `SELECT backend_xmin IS NOT NULL OR query LIKE 'SELECT%' AS has_snapshot,
                (SELECT count(*)::int FROM pg_locks l WHERE l.pid = a.pid AND l.relation = 'refilled'::regclass) AS locks
         FROM pg_stat_activity a
         WHERE datname = current_database() AND application_name ~ '^holdfast [^ ]+ a1$' AND xact_start IS NOT NULL`,
      );
      held.push(...rows);
    };
    await take({ repository: new ScriptedRepository(bed.repository, pausing(meanwhile)) });
    expect(held).toEqual([
      { has_snapshot: true, locks: 1 },
      { has_snapshot: true, locks: 1 },
    ]);
  });

  it('is neither in the dump nor in the facts', async () => {
    await scratch.execute('CREATE TABLE public.moving (id serial)', 'INSERT INTO public.moving DEFAULT VALUES');
    const meanwhile = (): Promise<void> =>
      scratch.execute('INSERT INTO public.moving SELECT FROM generate_series(1, 9)');
    const manifest = await take({ repository: new ScriptedRepository(bed.repository, pausing(meanwhile)) });
    expect(countOf(manifest, 'public.moving')).toBe(1);
    expect(await rowsOf(manifest, 'public.moving')).toEqual(['1']);
    // A sequence follows no snapshot: the facts hold both ends.
    const [sequence] = factsOf(manifest).sequences.filter(({ name }) => name === 'public.moving_id_seq');
    expect(sequence).toMatchObject({ lastValue: '1', lastValueAtEnd: '19' });
  });
});
