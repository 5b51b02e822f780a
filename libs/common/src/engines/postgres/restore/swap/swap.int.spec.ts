import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import { identifier, sql } from '#common/pg/sql.js';
import { representative } from '#common/testing/representative.js';
import { RestoreProcess } from '#common/testing/restore-process.js';
import { shopOf } from '#common/testing/restore-shop.js';
import { comparable, type PgOrder, RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { keptDatabases, toKeptName } from './kept-databases.js';

const { signal } = new AbortController();

describe.each(representative(['postgres18', 'postgres15'] as const))('a restore by swap on %s', (server) => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  let database: string;
  let made = 0;
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    await shopOf(bed.source);
    manifest = await bed.backup();
  });
  afterAll(async () => {
    for (const name of await bed.databases('holdfast_kept_'))
      await bed.source.onServer(sql`DROP DATABASE ${identifier(name)} WITH (FORCE)`.text);
    await bed.drop();
  });

  /** A database in use, which is to be replaced. */
  beforeEach(async () => {
    made += 1;
    database = bed.nameOf(`swap${made}`);
    await bed.source.onServer(`CREATE DATABASE "${database}"`);
    await bed.query(database, `CREATE TABLE live AS SELECT 'old'::text AS what`);
  });

  const order = (changes: Partial<PgOrder> = {}): PgOrder =>
    bed.order(manifest, database, { strategy: 'swap', ...changes });
  const identity = () => ({ runId: randomUUID(), attempt: 1 });
  const keptOf = async (name: string) =>
    (await keptDatabases.list(bed.target(), signal)).find(({ destination }) => destination === name);
  const kept = async () => {
    const found = await keptOf(database);
    if (found === undefined) throw new Error(`nothing is kept of ${database}`);
    return found;
  };
  const isOld = async (name = database) =>
    (await bed.query(name, `SELECT FROM pg_tables WHERE tablename = 'live'`)).length === 1;

  it('equals the backup in every fact, and keeps what was there', async () => {
    const asked = order();
    const outcome = await bed.restore(asked);
    expect(outcome.findings['keptDatabases']).toEqual([toKeptName(asked.identity)]);
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
    expect(await kept()).toMatchObject({ name: toKeptName(asked.identity), ageDays: expect.any(Number) });
    expect(await bed.query(toKeptName(asked.identity), 'SELECT what FROM live')).toEqual([{ what: 'old' }]);
  });

  it('ends the sessions of clients, and shows them the old database or the new one and nothing else', async () => {
    const asked = order();
    const stop = new AbortController();
    const seen = new Set<string>();
    const codes = new Set<string>();
    const client = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        try {
          await withPgSession(
            bed.connectionTo(database),
            { signal, applicationName: 'spec client' },
            async (session) => {
              for (let times = 0; times < 20; times += 1) seen.add(await look(session));
            },
          );
        } catch (error) {
          codes.add((error as { code: string }).code);
        }
      }
    };
    const look = async (session: PgSession): Promise<string> => {
      const [row] = await session.query<{ what: string }>(
        `SELECT CASE WHEN to_regclass('live') IS NOT NULL THEN 'old' WHEN to_regclass('tenants') IS NOT NULL THEN 'new' ELSE 'none' END AS what`,
      );
      return row?.what ?? 'none';
    };
    const idle = await bed.hold(database, 'INSERT INTO live VALUES (1)');
    const clients = [client(), client(), client()];
    await bed.restore(asked);
    await withPgSession(bed.connectionTo(database), { signal, applicationName: 'spec' }, async (session) => {
      expect(await look(session)).toBe('new');
    });
    stop.abort();
    await Promise.all(clients);
    await idle.release();
    expect([...seen].filter((what) => what === 'none')).toEqual([]);
    expect(seen).toContain('old');
    for (const code of codes) expect(['postgres.unreachable', 'postgres.database-missing']).toContain(code);
  });

  it('takes over settings that no backup holds, and where owners stay, who may connect', async () => {
    const owner = await bed.source.createRole('livingowner', '');
    await bed.source.onServer(
      `ALTER DATABASE "${database}" SET app.jwt_secret TO 'kept, "as" it was'`,
      `ALTER DATABASE "${database}" SET search_path TO "$user", public, "odd, one"`,
      `REVOKE ALL ON DATABASE "${database}" FROM public`,
      `ALTER DATABASE "${database}" OWNER TO "${owner}"`,
      `GRANT CONNECT ON DATABASE "${database}" TO "${owner}"`,
    );
    const about = `SELECT d.datacl::text AS acl, pg_get_userbyid(d.datdba)::text AS owner,
      (SELECT setting FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
       WHERE s.setdatabase = d.oid AND setting LIKE 'app.jwt%') AS secret
      FROM pg_database d WHERE d.datname = '${database}'`;
    const before = await bed.query('postgres', about);
    await bed.restore(order({ target: bed.target({ privileges: 'drop' }) }));
    expect(await bed.query('postgres', about)).toEqual(before);
    expect(await isOld()).toBe(false);
  });

  it('is undone in one step as long as the old database is kept, and forgotten when it is released', async () => {
    await bed.restore(order());
    await bed.query(database, 'CREATE TABLE since ()');
    const client = await PgSession.open(bed.connectionTo(database), { signal, applicationName: 'spec' });
    await keptDatabases.bringBack(bed.target(), await kept(), { identity: identity(), signal });
    expect(await isOld()).toBe(true);
    await client.close();
    const beside = await kept();
    expect(await bed.query(beside.name, `SELECT FROM pg_tables WHERE tablename = 'since'`)).toHaveLength(1);
    await keptDatabases.bringBack(bed.target(), beside, { identity: identity(), signal });
    expect(await isOld()).toBe(false);
    await keptDatabases.release(bed.target(), await kept(), { identity: identity(), signal });
    expect(await keptOf(database)).toBeUndefined();
    await expect(keptDatabases.release(bed.target(), beside, { identity: identity(), signal })).rejects.toMatchObject({
      code: 'restore.kept-missing',
    });
  });

  it('exchanges nothing where what came back is not what was backed up', async () => {
    const [table, ...tables] = manifest.snapshot.tables;
    if (table === undefined) throw new Error('the backup has no table');
    const snapshot = { ...manifest.snapshot, tables: [{ ...table, rows: table.rows + 1 }, ...tables] };
    const asked = order({ manifest: { ...manifest, snapshot } });
    await expect(bed.restore(asked)).rejects.toMatchObject({
      code: 'restore.unequal',
      message: expect.stringContaining(table.name),
    });
    expect(await isOld()).toBe(true);
    expect(await bed.databases(`holdfast_${asked.identity.runId.replaceAll('-', '')}`)).toEqual([]);
    expect(await keptOf(database)).toBeUndefined();
  });

  it('is refused, with what mends it, while something is tied to the database that goes', async () => {
    await bed.query(database, `SELECT pg_create_logical_replication_slot('${database}', 'pgoutput')`);
    try {
      const plan = await previewRestore({ ...order(), safety: false }, bed.tools, signal);
      expect(plan.refusals).toContainEqual(
        expect.objectContaining({
          code: 'restore.blocked',
          message: expect.stringContaining(`replication slot ${database}`),
          hint: expect.stringContaining('pg_drop_replication_slot'),
        }),
      );
      expect(plan.putAside).toContain('public.live');
      await expect(bed.restore(order())).rejects.toMatchObject({ code: 'restore.blocked' });
      expect(await isOld()).toBe(true);
    } finally {
      await bed.query(database, `SELECT pg_drop_replication_slot('${database}')`);
    }
    const missing = order({ destination: bed.nameOf('nowhere') });
    await expect(bed.restore(missing)).rejects.toMatchObject({ code: 'restore.database-missing' });
  });

  it('names the rights that its role lacks, with the statements that grant them', async () => {
    const role = await bed.source.createRole('swapper', `LOGIN CREATEDB PASSWORD 'swaps'`);
    const { connection } = bed.target();
    const target = bed.target({ connection: { ...connection, user: role, password: 'swaps' }, privileges: 'drop' });
    const { refusals } = await previewRestore({ ...order({ target }), safety: false }, bed.tools, signal);
    const hints = refusals.map(({ hint }) => hint).join('\n');
    expect(hints).toContain(`GRANT pg_signal_backend TO "${role}"`);
    expect(refusals.map(({ message }) => message).join('\n')).toContain(`may not rename database "${database}"`);
  });

  it('leaves the old or the new database wherever its process is killed, and the next attempt ends it', async () => {
    for (const when of representative(['exchange', 'verify', 'restore'])) {
      const asked = order();
      const remember = rememberHere();
      const child = await RestoreProcess.start(asked, { folder: bed.backups.folder, killAt: when });
      await child.end();
      expect(await bed.databases(database)).toEqual([database]);
      const next = { ...asked, identity: { ...asked.identity, attempt: 2 } };
      await bed.restore(next, { remember });
      expect(await isOld()).toBe(false);
      expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
      expect(await bed.databases(`holdfast_${asked.identity.runId.replaceAll('-', '')}`)).toEqual([]);
      expect((await kept()).name).toBe(toKeptName(asked.identity));
      await keptDatabases.bringBack(bed.target(), await kept(), { identity: identity(), signal });
      await keptDatabases.release(bed.target(), await kept(), { identity: identity(), signal });
    }
  }, 120_000);
});
