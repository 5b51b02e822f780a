import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { withDatabase } from '#common/pg/connection.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { runsEvery } from '#common/testing/representative.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { type Undone, type UndoRequest, undo } from './undo.js';

const { signal } = new AbortController();

let bed: BackupTestBed;
let cluster: ThrowawayCluster;
let archiver: RunningArchiver;
let root: string;
/** Just before the accident. */
let lsn: string;

const TABLES = ['customers', 'orders', '"Order Lines"'];

/** Every row of every table, as one text for each. */
async function content(): Promise<string[]> {
  const all = await Promise.all(
    TABLES.map((table) => cluster.query<{ line: string }>(`SELECT t::text AS line FROM ${table} t ORDER BY 1`)),
  );
  return all.map((rows) => rows.map(({ line }) => line).join('\n'));
}

beforeAll(async () => {
  bed = await BackupTestBed.create();
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1 });
  root = await cluster.createFolder('beside');
  await cluster.query(`
    CREATE TABLE customers (id int PRIMARY KEY, name text, is_good bool, born interval, place point);
    CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customers,
      price numeric(10,2), paid_at timestamptz, raw bytea, twice numeric GENERATED ALWAYS AS (price * 2) STORED);
    CREATE TABLE "Order Lines" ("order" int REFERENCES orders, "no" int, what text, PRIMARY KEY ("order", "no"));
    CREATE TABLE notes (line text);
    INSERT INTO customers SELECT id, E'n\\t\\\\' || id, id % 2 = 0, id * interval '1 hour', point(id, 1)
      FROM generate_series(1, 20) id;
    INSERT INTO orders (customer, price, paid_at, raw)
      SELECT 1 + id % 20, id / 7.0, '2026-03-01 12:00+01'::timestamptz + id * interval '1 s', decode(md5(id::text), 'hex')
      FROM generate_series(1, 200) id;
    INSERT INTO "Order Lines" SELECT id, no, NULLIF('x' || no, 'x2') FROM generate_series(1, 200) id, generate_series(1, 2) no;
    INSERT INTO notes VALUES ('one'), ('one'), ('two');
  `);
  archiver = new RunningArchiver(cluster, bed.repository);
  await takeBackup(bed.attempt(cluster.dataset(), { method: 'base' }), bed.depsOf(postgresEngine()), signal);
  lsn = await cluster.lsn();
}, 120_000);

afterAll(async () => {
  await archiver.kill();
  await cluster.remove();
  await bed.remove();
});

/** What the tables held before the accident. */
let before: string[];
beforeEach(async () => {
  before = await content();
});
afterEach(async () => {
  expect(await readdir(root)).toEqual([]);
});

async function archived(): Promise<void> {
  await archiver.until(await cluster.lsn());
  await archiver.untilComplete();
}

const run = (changes: Partial<UndoRequest> = {}): Promise<Undone> =>
  undo(
    {
      ...{ dataset: 'shop', goal: { target: { kind: 'lsn', lsn }, inclusive: false }, sourceDatabase: 'postgres' },
      ...{ target: target(), database: 'postgres', tables: TABLES, where: undefined, merge: true, withChanged: false },
      ...{ root, toolDirectories: [cluster.binDir], runId: randomUUID(), signal, ...changes },
    },
    { repository: bed.repository },
  );

const target = (changes: Partial<PostgresTarget> = {}): PostgresTarget => ({
  ...{ name: 'live', connection: cluster.connection, toolDirectories: [cluster.binDir], owner: undefined },
  ...{ privileges: 'keep', missingRoles: 'refuse', jobs: 1, lockTimeoutMs: 5_000, ...changes },
});

describe('an undo', () => {
  it('says what is missing, has changed and was added, and then brings back what is missing in the order of foreign keys, and nothing else', async () => {
    await cluster.query(`DELETE FROM "Order Lines"; DELETE FROM orders WHERE customer <= 10; DELETE FROM customers WHERE id <= 10;
      UPDATE customers SET name = 'changed' WHERE id = 20; INSERT INTO customers (id, name) VALUES (99, 'added')`);
    const after = await content();
    await archived();
    const reversed = { tables: TABLES.toReversed() };
    const planned = await run({ ...reversed, merge: false });
    expect(planned).toMatchObject({
      merged: null,
      tables: [
        { table: 'public.customers', missing: 10, changed: 1, added: 1, key: ['id'], keys: { changed: ['20'] } },
        { table: 'public.orders', missing: 100, changed: 0, added: 0 },
        { table: 'public."Order Lines"', missing: 400, changed: 0, added: 0, key: ['order', 'no'] },
      ],
    });
    expect(await content()).toEqual(after);
    expect((await run(reversed)).merged).toEqual([
      { table: 'public.customers', inserted: 10, updated: 0 },
      { table: 'public.orders', inserted: 100, updated: 0 },
      { table: 'public."Order Lines"', inserted: 400, updated: 0 },
    ]);
    await cluster.query(`DELETE FROM customers WHERE id = 99`);
    const [customers, ...others] = await content();
    expect(others).toEqual(before.slice(1));
    expect(customers?.replace('changed', String.raw`"n	\\20"`)).toEqual(before[0]);
    expect((await run({ withChanged: true })).merged?.[0]).toMatchObject({ inserted: 0, updated: 1 });
    expect(await content()).toEqual(before);
  }, 120_000);

  if (runsEvery)
    it('takes a TRUNCATE back, only the rows that are chosen, and rows of a table without a key as often as they were there', async () => {
      await cluster.query('TRUNCATE "Order Lines", notes');
      await archived();
      const some = await run({ tables: ['"Order Lines"', 'notes'], where: 'true OR 1 = 1 -- of all' });
      expect(some.merged).toEqual([
        { table: 'public."Order Lines"', inserted: 400, updated: 0 },
        { table: 'public.notes', inserted: 3, updated: 0 },
      ]);
      expect(await content()).toEqual(before);
      await cluster.query('DELETE FROM "Order Lines"');
      const few = { tables: ['"Order Lines"'], where: '"order" = 7' };
      expect((await run(few)).merged).toEqual([{ table: 'public."Order Lines"', inserted: 2, updated: 0 }]);
      await run({ tables: ['"Order Lines"'] });
      expect(await content()).toEqual(before);
    }, 120_000);

  it('changes nothing when one row cannot come back: its parent is gone, its key is taken, a trigger swallows it', async () => {
    await cluster.query(
      'DELETE FROM "Order Lines"; DELETE FROM orders WHERE customer = 3; DELETE FROM customers WHERE id = 3',
    );
    await archived();
    const after = await content();
    const parentless = { tables: ['orders', '"Order Lines"'] };
    await expect(run(parentless)).rejects.toMatchObject({
      code: 'undo.failed',
      message: expect.stringContaining('orders_customer_fkey'),
      hint: expect.stringContaining('name their table too'),
    });
    expect(await content()).toEqual(after);
    await cluster.query(`CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER swallow BEFORE INSERT ON "Order Lines" FOR EACH ROW EXECUTE FUNCTION swallow()`);
    await expect(run()).rejects.toMatchObject({ message: expect.stringContaining('a trigger keeps rows from it') });
    expect(await content()).toEqual(after);
    await cluster.query(
      `CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    );
    await cluster.query(
      "CREATE UNIQUE INDEX one_name ON customers (name); INSERT INTO customers SELECT 98, E'n\\t\\\\3'",
    );
    await expect(run()).rejects.toMatchObject({ message: expect.stringContaining('one_name') });
    await cluster.query('DELETE FROM customers WHERE id = 98');
    const { tables } = await run();
    expect(tables.at(-1)?.notes).toEqual(['a merge fires its triggers: swallow']);
    expect(await content()).toEqual(before);
  }, 180_000);

  if (runsEvery)
    it('is refused by row-level security where the role does not see every row, and where a table is gone', async () => {
      await cluster.query(`CREATE ROLE clerk LOGIN PASSWORD 'clerk'; GRANT SELECT, INSERT, UPDATE ON customers TO clerk;
      ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON customers USING (id = 1)`);
      const clerk = { ...cluster.connection, user: 'clerk', password: 'clerk' };
      await archived();
      await expect(
        run({ tables: ['customers'], target: target({ connection: withDatabase(clerk, 'postgres') }) }),
      ).rejects.toMatchObject({
        message: expect.stringContaining('row-level security policy'),
        hint: expect.stringContaining('BYPASSRLS'),
      });
      await expect(run({ tables: ['gone'] })).rejects.toMatchObject({ code: 'undo.table' });
      expect(await content()).toEqual(before);
    }, 60_000);
});
