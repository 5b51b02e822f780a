import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { listHolds } from '#common/repository/holds.js';
import { representative } from '#common/testing/representative.js';
import { type ShopRoles, shopOf } from '#common/testing/restore-shop.js';
import type { PgOrder } from '#common/testing/restore-test-bed.js';
import { comparable, RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { type Script, ScriptedRepository } from '#common/testing/scripted-repository.js';

const { signal } = new AbortController();

describe.each(representative(['postgres18', 'postgres15'] as const))('a restore in place on %s', (server) => {
  let bed: RestoreTestBed;
  let roles: ShopRoles;
  let manifest: PostgresManifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    roles = await shopOf(bed.source);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  /** The source's own database, changed by the statements. */
  const inPlace = async (changes: Partial<PgOrder>, ...statements: string[]): Promise<PgOrder> => {
    await bed.source.execute(...statements);
    return bed.order(manifest, bed.source.name, { strategy: 'in-place', ...changes });
  };
  const facts = () => bed.facts(bed.source.name);
  const unread = () => new ScriptedRepository(bed.backups.repository, unreadable);

  it('brings back exactly the backup over changed data, schema, owners and rights, twice in a row', async () => {
    const order = await inPlace(
      {},
      `UPDATE orders SET total = 0; DELETE FROM items WHERE id > 50; TRUNCATE events`,
      `ALTER TABLE "Odd; name"."Strange ""table""" RENAME COLUMN "a=b" TO migrated`,
      `DROP VIEW sums; DROP VIEW tenant_orders; CREATE TABLE sums (tenant text)`,
      `DROP MATERIALIZED VIEW domains; DROP EXTENSION citext CASCADE`,
      `ALTER TABLE tenants ADD COLUMN parent text REFERENCES tenants`,
      `ALTER TABLE tenants ADD COLUMN best bigint, ADD FOREIGN KEY (name, best) REFERENCES orders (tenant, id)`,
      `CREATE POLICY late ON items USING (EXISTS (SELECT FROM orders))`,
      `ALTER POLICY own ON orders USING (true)`,
      `GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC`,
      `GRANT ALL ON SCHEMA public, "Odd; name" TO PUBLIC`,
      `ALTER SCHEMA public OWNER TO postgres`,
      `ALTER DATABASE ${bed.source.name} OWNER TO postgres`,
      `GRANT ALL ON DATABASE ${bed.source.name} TO PUBLIC`,
      `ALTER DATABASE ${bed.source.name} SET work_mem = '9MB'`,
      `ALTER DATABASE ${bed.source.name} CONNECTION LIMIT 7`,
      `COMMENT ON DATABASE ${bed.source.name} IS NULL`,
      `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO ${roles.reader}`,
    );
    const wanted = comparable(manifest.snapshot);
    const first = await bed.restore(order);
    expect(first).toMatchObject({
      findings: { harmlessErrors: [], createdRoles: [], newerObjects: [], droppedObjects: [] },
    });
    expect(comparable(await facts())).toEqual(wanted);
    await bed.restore(await inPlace({}, `INSERT INTO tenants VALUES ('late', 'late.example')`));
    expect(comparable(await facts())).toEqual(wanted);
  });

  it('keeps what is newer and stands alone, and tells what goes away with a restored table', async () => {
    const order = await inPlace(
      {},
      `CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1), (2)`,
      `CREATE SCHEMA addon; CREATE TABLE "Odd; name".later_too ()`,
      `CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')`,
      `CREATE INDEX orders_late ON orders (total)`,
    );
    const outcome = await bed.restore(order);
    expect(outcome.findings['newerObjects']).toEqual([
      '"Odd; name".later_too',
      'addon',
      'public.later',
      'public.later_pkey',
    ]);
    expect(outcome.findings['droppedObjects']).toEqual([
      'public.events_2027',
      'public.events_2027_at_idx',
      'public.orders_late',
    ]);
    expect(await bed.source.query('SELECT count(*)::int AS n FROM later')).toEqual([{ n: 2 }]);
    await bed.source.execute('DROP TABLE later, "Odd; name".later_too; DROP SCHEMA addon');
    expect(comparable(await facts())).toEqual(comparable(manifest.snapshot));
  });

  it.each([
    ['a view', 'CREATE VIEW peek AS SELECT id FROM orders', 'DROP VIEW peek', 'public.peek'],
    ['a foreign key', 'CREATE TABLE visits (tenant text REFERENCES tenants)', 'DROP TABLE visits', 'public.visits'],
    ['a column type', 'CREATE TABLE marks (status status)', 'DROP TABLE marks', 'public.marks'],
    [
      'a function',
      'CREATE FUNCTION latest() RETURNS SETOF orders LANGUAGE sql AS $$SELECT * FROM orders$$',
      'DROP FUNCTION latest',
      'public.latest()',
    ],
    ['inheritance', 'CREATE TABLE special () INHERITS (tenants)', 'DROP TABLE special', 'public.special'],
  ])('is refused before anything when %s that is newer depends on a table', async (_, make, clear, dependent) => {
    const order = await inPlace({}, `INSERT INTO tenants VALUES ('kept', NULL)`, make);
    const before = await facts();
    await expect(bed.restore(order, { takeSafetyBackup: unexpected, repository: unread() })).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining(`${dependent} depends on public.`),
    });
    expect(comparable(await facts())).toEqual(comparable(before));
    await bed.source.execute(clear, `DELETE FROM tenants WHERE name = 'kept'`);
  });

  it('takes its safety dump when the backup is held, and before anything has changed, even its roles', async () => {
    const role = await bed.source.createRole('passing', 'LOGIN');
    await bed.source.execute(`GRANT SELECT ON tenants TO ${role}`);
    const granted = await bed.backup();
    await bed.source.execute(`REVOKE ALL ON tenants FROM ${role}`, `DROP ROLE ${role}`);
    const target = bed.target({ missingRoles: 'create' }, server);
    const order = { ...(await inPlace({ target }, `INSERT INTO tenants VALUES ('kept', NULL)`)), manifest: granted };
    const before = comparable(await facts());
    const takeSafetyBackup = async () => {
      expect(await listHolds(bed.backups.repository, granted, { signal })).toHaveLength(1);
      expect(await bed.source.query('SELECT FROM pg_roles WHERE rolname = $1', [role])).toEqual([]);
      expect(comparable(await facts())).toEqual(before);
      return 'a-safety-dump';
    };
    expect(await bed.restore(order, { takeSafetyBackup })).toMatchObject({ findings: { createdRoles: [role] } });
    expect(await bed.source.query(`SELECT FROM tenants WHERE name = 'kept'`)).toEqual([]);
    await bed.source.execute(`REVOKE ALL ON tenants FROM ${role}`);
  });

  it('leaves everything as it was when a dependent appears after the plan', async () => {
    const order = await inPlace({}, `INSERT INTO tenants VALUES ('kept', NULL)`);
    const before = await facts();
    const takeSafetyBackup = async () => {
      await bed.source.execute('CREATE VIEW peek AS SELECT id FROM orders');
      return 'a-safety-dump';
    };
    await expect(bed.restore(order, { takeSafetyBackup })).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringMatching(/view (public\.)?peek depends on table .*is as it was before/),
    });
    await bed.source.execute('DROP VIEW peek');
    expect(comparable(await facts())).toEqual(comparable(before));
    await bed.source.execute(`DELETE FROM tenants WHERE name = 'kept'`);
  });

  it('gives up within the bound when another session holds a lock, and leaves everything as it was', async () => {
    const order = await inPlace({}, `INSERT INTO tenants VALUES ('kept', NULL)`);
    await bed.onDatabase(bed.source.name, async (holder) => {
      await holder.query('BEGIN; SELECT nextval($$numbers$$); SELECT FROM items');
      await expect(bed.restore({ ...order, target: { ...order.target, lockTimeoutMs: 300 } })).rejects.toMatchObject({
        code: 'postgres.locked',
        message: expect.stringMatching(
          /is as it was before; pid \d+ \(postgres, spec, idle in transaction for \d+ s\) holds public\.(?!orders)/,
        ),
        context: {
          holders: expect.arrayContaining([
            expect.objectContaining({ relation: 'public.items', pid: holder.backendPid, state: 'idle in transaction' }),
          ]),
        },
      });
      await holder.query('ROLLBACK; BEGIN; SELECT nextval($$numbers$$)');
      await expect(bed.restore({ ...order, target: { ...order.target, lockTimeoutMs: 300 } })).rejects.toMatchObject({
        code: 'postgres.locked',
      });
    });
    expect(await bed.source.query(`SELECT name FROM tenants WHERE name = 'kept'`)).toHaveLength(1);
    await bed.source.execute(`DELETE FROM tenants WHERE name = 'kept'`);
  });

  it('never writes to a database that holds a catalog of Holdfast, whatever name its host was given', async () => {
    const order = await inPlace({}, 'CREATE SCHEMA holdfast; CREATE TABLE holdfast.migrations (number int)');
    await expect(bed.restore(order)).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining('catalog of Holdfast'),
    });
    await bed.source.execute('DROP SCHEMA holdfast CASCADE');
  });

  it('is refused when there is no such database', async () => {
    const order = bed.order(manifest, bed.nameOf('absent'), { strategy: 'in-place' });
    await expect(bed.restore(order)).rejects.toMatchObject({ code: 'restore.database-missing' });
  });
});

/** Nothing is fetched before a refusal: a backup of terabytes would take hours to come. */
const unreadable: Script = { get: () => Promise.reject(new Error('nothing may be read before the refusal')) };

const unexpected = (): Promise<string> => Promise.reject(new Error('nothing may be done before the refusal'));
