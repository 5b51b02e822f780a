import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { body, identifier, literal, type Sql, sql } from '#common/pg/sql.js';
import { comparable, RestoreTestBed, type Server } from '#common/testing/restore-test-bed.js';

/** 63 bytes at most: longer ones do not exist. */
const NAMES = [
  '$drops$',
  '$body$',
  '$$',
  `it's "both"`,
  'line\nbreak\r\n\\! false',
  'of SCHEMA - $drops$ postgres',
  'back\\slash\\',
  'a.b.c',
  `semi;colon -- "; /* */`,
  ":colon :'var' %I %s",
  'SELECT',
  'x'.repeat(63),
  'ünï-çødé 表 🐘',
];

/** Everything that a restore names, under one name. */
function toStatements(name: string): Sql[] {
  const id = identifier(name);
  const table = sql`${id}.${id}`;
  const own = sql`${id}.${identifier(`f${name}`.slice(0, 40))}`;
  return [
    sql`CREATE SCHEMA ${id}`,
    sql`CREATE TYPE ${id}.status AS ENUM (${literal(name.slice(0, 40))}, 'other')`,
    sql`CREATE TABLE ${table} (${id} int PRIMARY KEY, status ${id}.status, serial bigserial)`,
    sql`INSERT INTO ${table} VALUES (1, ${literal(name.slice(0, 40))}), (2, 'other')`,
    sql`CREATE TABLE ${id}.child (parent int, CONSTRAINT ${id} FOREIGN KEY (parent) REFERENCES ${table})`,
    sql`CREATE INDEX ON ${table} (status, ${id})`,
    sql`CREATE VIEW ${id}.${identifier(`v${name}`.slice(0, 40))} AS SELECT ${id} AS ${identifier(name)}, count(*) FROM ${table} GROUP BY 1`,
    sql`CREATE MATERIALIZED VIEW ${id}.m AS SELECT * FROM ${table}`,
    sql`CREATE FUNCTION ${own} (${id} ${id}.status) RETURNS int LANGUAGE sql IMMUTABLE AS ${body(sql`SELECT length(${literal(name)})`)}`,
    sql`ALTER TABLE ${table} ADD CONSTRAINT ${identifier(`c${name}`.slice(0, 40))} CHECK (${own}(status) > 0)`,
    sql`CREATE POLICY ${id} ON ${table} USING (${literal(name)} <> '')`,
    sql`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    sql`COMMENT ON TABLE ${table} IS ${literal(name)}`,
    sql`CREATE EXTENSION IF NOT EXISTS citext SCHEMA ${id}`,
    sql`DO ${body(sql`BEGIN EXECUTE format('ALTER DATABASE %I SET app.motto = %L', current_database(), ${literal(name)}); END`)}`,
  ];
}

describe.each<Server>(['postgres18', 'postgres15'])('a restore of names that mean something in SQL on %s', (server) => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  const roles = NAMES.slice(0, 6).map((name) => `${name} ${process.pid} ${server}`);
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    await bed.onDatabase('postgres', async (session) => {
      for (const role of roles) await session.query(sql`CREATE ROLE ${identifier(role)}`);
    });
    await bed.onDatabase(bed.source.name, async (session) => {
      for (const name of NAMES) for (const statement of toStatements(name)) await session.query(statement);
      for (const [index, role] of roles.entries()) {
        const schema = identifier(NAMES[index] ?? '');
        await session.query(sql`GRANT USAGE ON SCHEMA ${schema} TO ${identifier(role)} WITH GRANT OPTION`);
        await session.query(sql`ALTER SCHEMA ${schema} OWNER TO ${identifier(role)}`);
        await session.query(sql`ALTER TABLE ${schema}.child OWNER TO ${identifier(role)}`);
      }
    });
    manifest = await bed.backup();
  });
  afterAll(async () => {
    await bed.drop();
    await bed.onDatabase('postgres', async (session) => {
      for (const role of roles) await session.query(sql`DROP ROLE IF EXISTS ${identifier(role)}`);
    });
  });

  it('in place brings back exactly the backup, twice in a row', async () => {
    const wanted = comparable(manifest.snapshot);
    for (const name of NAMES)
      await bed.onDatabase(bed.source.name, (session) => session.query(sql`TRUNCATE ${identifier(name)}.child`));
    for (let time = 1; time <= 2; time += 1) {
      const order = bed.order(manifest, bed.source.name, { strategy: 'in-place' });
      expect(await bed.restore(order)).toMatchObject({
        findings: { harmlessErrors: [], newerObjects: [], droppedObjects: [] },
      });
      expect(comparable(await bed.facts(bed.source.name))).toEqual(wanted);
    }
  });

  it('to a new database whose own name is such a one brings back exactly the backup', async () => {
    const database = bed.nameOf(`$drops$ "it's" \\ a=b`);
    expect(await bed.restore(bed.order(manifest, database))).toMatchObject({ findings: { harmlessErrors: [] } });
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
    await bed.restore(bed.order(manifest, database, { strategy: 'in-place' }));
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
  });
});
