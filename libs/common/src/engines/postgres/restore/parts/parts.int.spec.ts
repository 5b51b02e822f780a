import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { representative } from '#common/testing/representative.js';
import { shopOf } from '#common/testing/restore-shop.js';
import { type PgOrder, RestoreTestBed } from '#common/testing/restore-test-bed.js';

/** Of a name as SQL has it. */
const ODD = '"Odd; name"."a.b$c \n"" d"';
const SETUP = [
  `CREATE TABLE parent (id int PRIMARY KEY, what text)`,
  `CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent)`,
  `COMMENT ON COLUMN child.parent IS 'whose it is'`,
  `INSERT INTO parent SELECT n, 'was' FROM generate_series(1, 3) n`,
  `INSERT INTO child (parent) VALUES (1), (2)`,
  `CREATE TABLE judge (id int); CREATE TABLE guarded (id int)`,
  `ALTER TABLE guarded ENABLE ROW LEVEL SECURITY`,
  `CREATE POLICY by_parent ON guarded AS RESTRICTIVE USING (EXISTS (SELECT FROM judge WHERE judge.id = guarded.id))`,
  `CREATE TABLE moods (mood status DEFAULT 'paid', sum int DEFAULT plus(1, 2))`,
  `INSERT INTO moods DEFAULT VALUES`,
  `CREATE TABLE ${ODD} ("x.y" int PRIMARY KEY, "$" text)`,
  `INSERT INTO ${ODD} VALUES (1, 'odd')`,
];

describe.each(representative(['postgres18', 'postgres15'] as const))('a restore of chosen tables on %s', (server) => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  let made = 0;
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    await shopOf(bed.source);
    await bed.source.execute(...SETUP);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  const order = (parts: readonly string[], changes: Partial<PgOrder> = {}): PgOrder => {
    made += 1;
    return bed.order(manifest, bed.nameOf(`parts${made}`), { parts, ...changes });
  };
  const restore = (asked: PgOrder) => bed.restore(asked, { dataset: bed.source.dataset() });
  const inPlace = (database: string, parts: readonly string[]): PgOrder =>
    order(parts, { destination: database, strategy: 'in-place' });
  const expectRefused = async (asked: PgOrder, ...texts: readonly string[]): Promise<void> => {
    for (const text of texts)
      await expect(restore(asked)).rejects.toMatchObject({ message: expect.stringContaining(text) });
  };
  const tablesIn = async (database: string): Promise<string[]> =>
    (await bed.facts(database)).tables.map(({ name }) => name).sort();
  /** The facts of tables are those of the backup: rows, content, row-level security, owners and privileges. */
  const expectEqual = async (database: string, names: readonly string[]): Promise<void> => {
    const facts = await bed.facts(database);
    for (const name of names) {
      const [table, before] = [facts, manifest.snapshot].map((each) => each.tables.find((one) => one.name === name));
      expect(table).toEqual(before);
      const [object, known] = [facts, manifest.snapshot].map((each) =>
        each.objects.find(({ identity }) => identity === name),
      );
      expect(object).toEqual(known);
    }
  };
  /** A live copy of the whole, with which others work on. */
  const live = async ({ keepsDefaults = false } = {}): Promise<string> => {
    const whole = bed.order(manifest, bed.nameOf(`live${made}`));
    await bed.restore(whole);
    if (!keepsDefaults) await bed.query(whole.destination, 'DELETE FROM pg_default_acl');
    return whole.destination;
  };

  it('brings tables with all that is theirs into a database of their own', async () => {
    const asked = order(['public.orders', 'public.tenants', 'public.events', 'public.moods']);
    const { findings } = await restore(asked);
    const names = ['public.events', 'public.events_2026', 'public.moods', 'public.orders', 'public.tenants'];
    expect(await tablesIn(asked.destination)).toEqual(names);
    await expectEqual(asked.destination, names);
    expect(findings['leftOutOfParts']).toEqual([]);
    const about = `SELECT
      (SELECT count(*)::int FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal) AS triggers,
      (SELECT count(*)::int FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'f') AS keys,
      (SELECT count(*)::int FROM pg_indexes WHERE tablename LIKE 'events%') AS indexes,
      (SELECT count(*)::int FROM pg_statistic_ext) AS statistics,
      (SELECT sum + 1 FROM moods) AS sum`;
    expect(await bed.query(asked.destination, about)).toEqual(await bed.query(bed.source.name, about));
  });

  it('takes names that hold dots, quotes, line breaks and dollars, and the sequences of defaults', async () => {
    const asked = order(['"Odd; name".*']);
    await restore(asked);
    const tables = await tablesIn(asked.destination);
    expect(tables).toEqual([`"Odd; name"."Strange ""table"""`, ODD]);
    await expectEqual(asked.destination, tables);
    expect(await bed.query(asked.destination, `SELECT "$" FROM ${ODD}`)).toEqual([{ $: 'odd' }]);
    const one = order([ODD]);
    await restore(one);
    expect(await tablesIn(one.destination)).toEqual([ODD]);
  });

  it('leaves out foreign keys to tables that were not chosen, and says so', async () => {
    const asked = order(['public.child']);
    const { findings } = await restore(asked);
    await expectEqual(asked.destination, ['public.child']);
    expect(findings['leftOutOfParts']).toEqual([
      expect.stringMatching(/fk constraint "public.child child_parent_fkey".*table "public.parent"/),
    ]);
    expect(await bed.query(asked.destination, `INSERT INTO child VALUES (DEFAULT, 99) RETURNING id`)).toEqual([
      { id: 3 },
    ]);
    const partition = order(['public.events_2026']);
    expect((await restore(partition)).findings['leftOutOfParts']).toEqual([expect.stringContaining('table attach')]);
  });

  it('refuses by name what cannot do without a table that was not chosen, and what is not there', async () => {
    await expectRefused(order(['public.guarded']), 'policy "public.guarded by_parent" needs table "public.judge"');
    await expectRefused(order(['public.orders', 'public.nowhere']), 'holds no table "public"."nowhere"');
    await expectRefused(order(['orders']), '"orders" names no table');
    const database = await live();
    await expectRefused(
      order(['public.orders'], { destination: database, strategy: 'swap' }),
      'the rest of the database',
    );
  });

  it('makes a table again in a database that is used, and changes nothing else', async () => {
    const database = await live();
    await bed.onDatabase(database, (session) =>
      session.query(`DROP TABLE child; INSERT INTO parent VALUES (4, 'new'); UPDATE orders SET note = 'since';
        ALTER DATABASE "${database}" SET work_mem = '7MB'`),
    );
    const before = await bed.facts(database);
    await restore(inPlace(database, ['public.child']));
    await expectEqual(database, ['public.child']);
    const { tables, settings } = await bed.facts(database);
    expect(tables.filter(({ name }) => name !== 'public.child')).toEqual(before.tables);
    expect(settings).toEqual(before.settings);
    const keys = await bed.query(
      database,
      `SELECT conname FROM pg_constraint WHERE conrelid = 'child'::regclass AND contype = 'f'`,
    );
    expect(keys).toEqual([{ conname: 'child_parent_fkey' }]);
  });

  it('replaces a table to which others refer, whose foreign keys then hold again, or leaves all as it was', async () => {
    const database = await live();
    await bed.query(database, `UPDATE parent SET what = 'wrong'; INSERT INTO child VALUES (DEFAULT, 3)`);
    const key = `SELECT convalidated FROM pg_constraint WHERE conname = 'child_parent_fkey'`;
    await restore(inPlace(database, ['public.parent']));
    await expectEqual(database, ['public.parent']);
    expect(await bed.query(database, 'SELECT count(*)::int AS n FROM child')).toEqual([{ n: 3 }]);
    expect(await bed.query(database, key)).toEqual([{ convalidated: true }]);
    await bed.query(database, `INSERT INTO parent VALUES (9, 'new'); INSERT INTO child VALUES (DEFAULT, 9)`);
    await expectRefused(inPlace(database, ['public.parent']), 'violates foreign key constraint "child_parent_fkey"');
    expect(await bed.query(database, 'SELECT count(*)::int AS n FROM parent')).toEqual([{ n: 4 }]);
  });

  it('refuses in a used database what depends on a table and would be lost, and what a table needs and is not there', async () => {
    const database = await live();
    await expectRefused(inPlace(database, ['public.orders']), 'public.tenant_orders depends on public.orders');
    const generous = await live({ keepsDefaults: true });
    await expectRefused(inPlace(generous, ['public.child']), 'default privileges of role postgres');
    await bed.query(database, 'DROP TABLE moods; DROP TYPE status CASCADE');
    await expectRefused(inPlace(database, ['public.moods']), 'needs type "public.status"');
  });
});
