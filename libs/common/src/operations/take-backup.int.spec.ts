import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BusPosition } from '#common/contracts/bus-position.js';
import { Manifest } from '#common/contracts/manifest.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { runCommand } from '#common/process/run-command.js';
import { findBackup } from '#common/repository/read-backups.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { observing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();

const SCHEMA = [
  `CREATE TABLE items (id int PRIMARY KEY, name text)`,
  `INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 1000) n`,
];

const position: BusPosition = {
  ...{ state: 'proven', takenAt: '2026-01-01T00:00:00Z', clusterId: 'c', topicIds: {}, partitions: [] },
};

describe('what a backup stores', () => {
  it('is held first, and comes before its manifest, which is written over nothing', async () => {
    const scratch = await ScratchDatabase.create('postgres18', ...SCHEMA);
    const bed = await BackupTestBed.create();
    const changes: string[] = [];
    const repository = new ScriptedRepository(
      bed.repository,
      observing(({ kind, key, isOverNothing }) =>
        changes.push(
          `${kind} ${key.replace(/^(_control[/]backups[/])?shop[/][^/]+[/]/, '')}${isOverNothing ? ' over nothing' : ''}`,
        ),
      ),
    );
    await takeBackup(bed.attempt(scratch.dataset()), bed.deps({ repository }), signal);
    const said = changes.map((change) => change.replace(/holds[/].*/, 'a hold').replace(/a1-[^/]*[/]/, ''));
    expect(said.slice(said.indexOf('put a hold'))).toEqual([
      'put a hold',
      'stored a hold',
      'put database.dump.zst',
      'stored database.dump.zst',
      'put globals.sql.zst',
      'stored globals.sql.zst',
      'put manifest.json over nothing',
      'stored manifest.json over nothing',
      'remove a hold',
    ]);
    await bed.remove();
    await scratch.drop();
  });
});

describe.each(['postgres18', 'postgres15'] as const)('a backup of %s', (server) => {
  let scratch: ScratchDatabase;
  let bed: BackupTestBed;
  let manifest: Manifest;
  const stages: string[] = [];
  const order: string[] = [];
  beforeAll(async () => {
    scratch = await ScratchDatabase.create(server, ...SCHEMA);
    bed = await BackupTestBed.create();
    await scratch.createRole('owner', `LOGIN PASSWORD 'hunter2'`);
    await scratch.execute(`ALTER TABLE items OWNER TO spec_${scratch.id}_owner`);
    const deps = bed.deps({
      onProgress: ({ stage }) => stages.at(-1) !== stage && stages.push(stage),
      readBusPosition: async () => {
        order.push(await stateOf(scratch));
        return position;
      },
    });
    manifest = await takeBackup(bed.attempt(scratch.dataset()), deps, signal);
  });
  afterAll(async () => {
    await bed.remove();
    await scratch.drop();
  });

  it('exists, and says everything about itself', async () => {
    expect(Manifest.parse(manifest)).toEqual(manifest);
    expect(await findBackup(bed.repository, 'shop', manifest.backupId, { signal })).toEqual(manifest);
    expect(manifest).toMatchObject({
      objects: [{ name: 'database.dump.zst' }, { name: 'globals.sql.zst' }],
      facts: { database: scratch.name, tables: [{ name: 'public.items', rows: 1000, rowsExact: true }] },
      busPosition: position,
      tools: {
        pg_dump: expect.stringMatching(/^pg_dump \(PostgreSQL\) 1[58]\./),
        pg_dumpall: expect.stringContaining('PostgreSQL'),
        zstd: expect.stringContaining('Zstandard'),
      },
    });
    expect(stages).toEqual(['connect', 'snapshot', 'dump', 'globals']);
  });

  it('reads the position on the bus with every table locked and no snapshot taken', () => {
    expect(order).toEqual(['public.items locked, no snapshot']);
  });

  it('holds roles without passwords', async () => {
    const path = join(bed.folder, 'repository', manifest.objects[1]?.key ?? '');
    const { stdout } = await runCommand({ program: 'zstd', args: ['-dc', path] }, { signal });
    expect(stdout).toContain(`CREATE ROLE spec_${scratch.id}_owner;`);
    expect(stdout).not.toContain('SCRAM-SHA-256');
  });

  it('is restored by the commands in its manifest and nothing else', async () => {
    await scratch.onServer(`DROP DATABASE ${scratch.name} WITH (FORCE)`);
    const { host, port, user, password } = scratch.connection;
    const env = {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password ?? '',
      PATH: `${scratch.binDir}:/usr/bin:/bin`,
    };
    const cwd = join(bed.folder, 'by-hand');
    await mkdir(cwd);
    const script = manifest.restoreByHand.join('\n');
    await runCommand({ program: 'bash', args: ['-e', '-c', script], env, cwd }, { signal });
    expect(
      await scratch.query(`SELECT count(*)::int AS rows, pg_get_userbyid(relowner) AS owner
      FROM items, pg_class c WHERE c.oid = 'items'::regclass GROUP BY 2`),
    ).toEqual([{ rows: 1000, owner: `spec_${scratch.id}_owner` }]);
    expect(await readFile(join(cwd, 'globals.sql'), 'utf8')).toContain('CREATE ROLE');
  });
});

/** What the holder of the locks is at, as another session sees it. */
async function stateOf(scratch: ScratchDatabase): Promise<string> {
  return withPgSession(scratch.connection, { signal, applicationName: 'spec' }, async (session) => {
    const { state } = await session.queryOne<{ state: string }>(
      `SELECT 'public.items' || CASE WHEN count(l.*) > 0 THEN ' locked' ELSE ' unlocked' END
              || CASE WHEN a.backend_xmin IS NULL THEN ', no snapshot' ELSE ', a snapshot' END AS state
       FROM pg_stat_activity a
       LEFT JOIN pg_locks l ON l.pid = a.pid AND l.relation = 'public.items'::regclass AND l.granted
       WHERE a.datname = current_database() AND a.state = 'idle in transaction'
       GROUP BY a.backend_xmin`,
    );
    return state;
  });
}
