import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { SnapshotFacts as SnapshotFactsSchema } from '#common/contracts/snapshot-facts.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgConnection } from '#common/pg/connection.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { type FactsOptions, readSnapshotFacts } from '#common/testing/snapshot-facts.js';
import { unpackDefinitions } from './definitions/packing.js';

const { signal } = new AbortController();

const factsOf = (connection: PgConnection, o?: Partial<FactsOptions>): Promise<SnapshotFacts> =>
  withPgSession(connection, { signal, applicationName: 'spec' }, (session) => readSnapshotFacts(session, o));

const tableOf = (facts: SnapshotFacts, name: string) => facts.tables.find((table) => table.name === name);
const objectOf = (facts: SnapshotFacts, identity: string) => facts.objects.find((each) => each.identity === identity);
/** Save for views: each major version prints them in words of its own. */
const madeOf = (facts: SnapshotFacts) => unpackDefinitions(facts.definitions).filter(({ kind }) => kind !== 'view');
const contentOf = (facts: SnapshotFacts) =>
  facts.tables.map(({ name, rows, fingerprint }) => ({ name, rows, fingerprint }));

/** Every type whose text depends on a setting, odd names, dropped columns, partitions with other column orders. */
const SCHEMA = [
  `CREATE EXTENSION pg_trgm`,
  `CREATE SCHEMA s`,
  `CREATE TYPE s.mood AS ENUM ('calm', 'wild')`,
  `CREATE DOMAIN s.positive AS int CHECK (VALUE > 0)`,
  `CREATE TYPE s.span AS RANGE (subtype = float8)`,
  `CREATE TABLE s.t (id serial PRIMARY KEY, x text, gone int, f float8, at timestamptz, b bytea, money money,
     twice int GENERATED ALWAYS AS (2) STORED, m s.mood, j jsonb, i interval, kind regtype, "Odd, name" text)`,
  `ALTER TABLE s.t DROP COLUMN gone`,
  `INSERT INTO s.t (x, f, at, b, money, m, j, i, kind, "Odd, name")
   SELECT nullif('row ' || n, 'row 7'), n / 3.0, timestamptz '2024-03-31 00:30+00' + n * interval '1 hour',
     decode(md5(n::text), 'hex'), n * 1.5::money, 'wild', jsonb_build_object('b', n, 'a', '"'), n * interval '1 day 2 hours',
     's.mood', E'\\\\ ''";\\n' FROM generate_series(1, 500) n`,
  `CREATE TABLE s.p (id int, v text) PARTITION BY RANGE (id)`,
  `CREATE TABLE s.p_low PARTITION OF s.p FOR VALUES FROM (0) TO (10)`,
  `CREATE TABLE s.p_high (v text, id int)`,
  `ALTER TABLE s.p ATTACH PARTITION s.p_high FOR VALUES FROM (10) TO (20)`,
  `INSERT INTO s.p SELECT n, 'v' || n FROM generate_series(0, 16) n`,
  `CREATE TABLE s.empty ()`,
  `CREATE TABLE s.parent (id int); CREATE TABLE s.child () INHERITS (s.parent)`,
  `INSERT INTO s.parent VALUES (1); INSERT INTO s.child VALUES (2), (3)`,
  `CREATE VIEW s.mine WITH (security_invoker = true) AS SELECT id, x FROM s.t`,
  `CREATE VIEW s.owned AS SELECT id, x FROM s.t`,
  `CREATE FUNCTION s.peek(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
  `CREATE INDEX ON s.t USING gin (x public.gin_trgm_ops)`,
];

describe.each(['postgres18', 'postgres15'] as const)('facts of %s', (server) => {
  let scratch: ScratchDatabase;
  let facts: SnapshotFacts;
  let app: string;
  beforeAll(async () => {
    scratch = await ScratchDatabase.create(server, ...SCHEMA);
    app = await scratch.createRole('app');
    await scratch.execute(
      `ALTER TABLE s.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
      `CREATE POLICY mine ON s.t FOR UPDATE TO ${app} USING (x = current_setting('app.x')) WITH CHECK (id > 0)`,
      `GRANT SELECT (x) ON s.t TO ${app}`,
      `GRANT SELECT ON s.mine TO ${app} WITH GRANT OPTION`,
      `REVOKE EXECUTE ON FUNCTION s.peek FROM PUBLIC`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO ${app}`,
      `ALTER ROLE ${app} IN DATABASE ${scratch.name} SET app.jwt_secret = 'hunter2'`,
      `ALTER DATABASE ${scratch.name} SET work_mem = '5MB'`,
    );
    facts = await factsOf(scratch.connection, { migrationHeadQuery: `SELECT max(id) FROM s.t` });
  });
  afterAll(() => scratch.drop());

  it('are what the contract says', () => {
    expect(SnapshotFactsSchema.parse(facts)).toEqual(facts);
    expect(facts).toMatchObject({
      ...{ database: scratch.name, databaseOwner: 'postgres', encoding: 'UTF8', migrationHead: '500' },
      extensions: [
        expect.objectContaining({ name: 'pg_trgm', schema: 'public' }),
        { name: 'plpgsql', version: '1.0', schema: 'pg_catalog' },
      ],
      sequences: [{ name: 's.t_id_seq', lastValue: '500', isCalled: true }],
      settings: [
        { database: scratch.name, role: null, setting: 'work_mem=5MB' },
        { database: scratch.name, role: app, setting: expect.stringMatching(/^app\.jwt_secret=sha256:[0-9a-f]{64}$/) },
      ],
      roles: expect.arrayContaining(['postgres', app]),
    });
    expect(facts.systemId).toMatch(/^\d+$/);
    expect(facts.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  });

  it('count rows where they are, and partitioned tables by their partitions', () => {
    const rows = Object.fromEntries(facts.tables.map((table) => [table.name, table.rows]));
    expect(rows).toEqual({
      ...{ 's.t': 500, 's.p': 17, 's.p_low': 10, 's.p_high': 7, 's.empty': 0, 's.parent': 1, 's.child': 2 },
    });
    expect(facts.tables.every((table) => table.rowsExact)).toBe(true);
  });

  it('hold row-level security with its expressions', () => {
    expect(tableOf(facts, 's.t')?.rls).toEqual({
      enabled: true,
      forced: true,
      policies: [
        {
          ...{ name: 'mine', command: 'UPDATE', permissive: true, roles: [app] },
          ...{ using: `(x = current_setting('app.x'::text))`, check: '(id > 0)' },
        },
      ],
    });
    expect(tableOf(facts, 's.p')?.rls).toEqual({ enabled: false, forced: false, policies: [] });
  });

  it('hold owners and privileges, defaults spelled out', () => {
    expect(objectOf(facts, 's.t')?.privileges).toEqual(
      expect.arrayContaining([`${app}=SELECT(x)/postgres`, 'postgres=SELECT/postgres', 'postgres=TRUNCATE/postgres']),
    );
    expect(objectOf(facts, 's.mine')).toMatchObject({ kind: 'view', securityInvoker: true });
    expect(objectOf(facts, 's.mine')?.privileges).toContain(`${app}=SELECT*/postgres`);
    expect(objectOf(facts, 's.owned')).toMatchObject({ kind: 'view', securityInvoker: false });
    expect(objectOf(facts, 's.peek(a integer, b text)')).toMatchObject({
      ...{ kind: 'function', owner: 'postgres', securityDefiner: true, privileges: ['postgres=EXECUTE/postgres'] },
    });
    expect(objectOf(facts, 'postgres in schema s on tables')).toMatchObject({
      ...{ kind: 'default-privileges', privileges: [`${app}=SELECT/postgres`] },
    });
    expect(facts.objects.filter(({ kind }) => kind === 'type').map(({ identity }) => identity)).toEqual([
      ...['s.mood', 's.positive', 's.span'],
    ]);
    expect(facts.objects.some(({ identity }) => identity.includes('similarity'))).toBe(false);
  });

  it('are equal after a dump and a restore', async () => {
    const copy = await scratch.createDatabase('copy');
    const [dump, restore] = ['pg_dump', 'pg_restore'].map((name) => `${scratch.binDir}/${name}`) as [string, string];
    await spawnChain(
      [
        { program: dump, args: ['-Fc', '-Z0'], env: toPgEnvironment(scratch.connection, 'spec') },
        { program: restore, args: ['-d', copy.database], env: toPgEnvironment(copy, 'spec') },
      ],
      { signal },
    ).ended;
    const restored = await factsOf(copy);
    expect(contentOf(restored)).toEqual(contentOf(facts));
    expect(unpackDefinitions(restored.definitions)).toEqual(unpackDefinitions(facts.definitions));
    expect(restored.tables.map(({ rls }) => rls)).toEqual(facts.tables.map(({ rls }) => rls));
    for (const part of ['objects', 'sequences', 'extensions'] as const) {
      expect(restored[part]).toEqual(facts[part]);
    }
  });

  it('change with any row, value, default or policy', async () => {
    await scratch.execute(`UPDATE s.t SET f = f + 1e-12 WHERE id = 1`, `ALTER TABLE s.t ALTER x SET DEFAULT 'y'`);
    const changed = await factsOf(scratch.connection);
    const t = tableOf(facts, 's.t');
    expect(tableOf(changed, 's.t')).toEqual({ ...t, fingerprint: expect.not.stringMatching(t?.fingerprint ?? '') });
    expect(unpackDefinitions(changed.definitions)).not.toEqual(unpackDefinitions(facts.definitions));
  });
});

describe('content', () => {
  let older: ScratchDatabase;
  let newer: ScratchDatabase;
  beforeAll(async () => {
    older = await ScratchDatabase.create('postgres15', ...SCHEMA);
    newer = await ScratchDatabase.create('postgres18', ...SCHEMA);
  });
  afterAll(() => Promise.all([older.drop(), newer.drop()]));

  it('has one fingerprint on all major versions, whatever database and role have set', async () => {
    for (const setting of [
      'timezone = "Asia/Kolkata"',
      'datestyle = "SQL, DMY"',
      'extra_float_digits = -5',
      'bytea_output = escape',
    ]) {
      await newer.execute(`ALTER DATABASE ${newer.name} SET ${setting}`);
    }
    const [a, b] = [await factsOf(older.connection), await factsOf(newer.connection)];
    expect(contentOf(b)).toEqual(contentOf(a));
    expect(madeOf(b)).toEqual(madeOf(a));
  });

  it('is digested only where chosen, and a chosen parent brings its partitions', async () => {
    const facts = await factsOf(newer.connection, { fingerprintTables: ['s.p', 's.e*'] });
    const chosen = facts.tables.filter(({ fingerprint }) => fingerprint !== null).map(({ name }) => name);
    expect(chosen).toEqual(['s.empty', 's.p', 's.p_high', 's.p_low']);
  });

  it('does not depend on the order of rows, and two equal rows are not none', async () => {
    const fingerprint = async (): Promise<string | null | undefined> =>
      tableOf(await factsOf(newer.connection), 's.order_of')?.fingerprint;
    await newer.execute(`CREATE TABLE s.order_of (id int)`, `INSERT INTO s.order_of VALUES (1), (2), (2)`);
    const before = await fingerprint();
    await newer.execute(`TRUNCATE s.order_of`, `INSERT INTO s.order_of VALUES (2), (1), (2)`);
    expect(await fingerprint()).toBe(before);
    await newer.execute(`TRUNCATE s.order_of`, `INSERT INTO s.order_of VALUES (1)`);
    expect(await fingerprint()).not.toBe(before);
  });

  it('above the limit is sampled and said to be an estimate', async () => {
    await newer.execute(
      `CREATE TABLE s.wide (id int, filler char(7000)) WITH (autovacuum_enabled = off)`,
      `ALTER TABLE s.wide ALTER filler SET STORAGE plain`,
      `INSERT INTO s.wide SELECT n, 'x' FROM generate_series(1, 17500) n`,
    );
    const options = { fingerprintTables: [], exactCountLimit: 1_000 };
    const wide = tableOf(await factsOf(newer.connection, options), 's.wide');
    expect(wide).toMatchObject({ rowsExact: false, fingerprint: null });
    expect(Math.abs((wide?.rows ?? 0) - 17_500)).toBeLessThan(2_000);
    const t = tableOf(await factsOf(newer.connection, { ...options, exactCountLimit: 100 }), 's.t');
    expect(t).toMatchObject({ rows: 500, rowsExact: true });
  });

  it('of a query for the migration head that fails is an error of the configuration', async () => {
    const reading = factsOf(newer.connection, { migrationHeadQuery: 'SELECT version FROM nowhere' });
    await expect(reading).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('relation "nowhere" does not exist'),
      hint: expect.stringContaining('migrationHeadQuery'),
    });
  });
});
