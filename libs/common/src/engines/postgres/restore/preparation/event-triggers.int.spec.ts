import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import { identifier, sql } from '#common/pg/sql.js';
import { comparable, RestoreTestBed, type Server } from '#common/testing/restore-test-bed.js';

const { signal } = new AbortController();

/** One forbids drops, always; one writes every statement into a table of the backup; the others are there for their states. */
const SCHEMA = [
  `CREATE TYPE status AS ENUM ('placed', 'paid')`,
  `CREATE TABLE orders (id int PRIMARY KEY, status status)`,
  `CREATE POLICY own ON orders USING (true)`,
  `ALTER TABLE orders ENABLE ROW LEVEL SECURITY`,
  `INSERT INTO orders VALUES (1, 'placed'), (2, 'paid')`,
  `CREATE MATERIALIZED VIEW sums AS SELECT status, count(*) FROM orders GROUP BY 1`,
  `CREATE TABLE ddl_log (tag text, at timestamptz DEFAULT now())`,
  `CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
   'BEGIN INSERT INTO public.ddl_log (tag) VALUES (tg_tag); END'`,
  `CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS
   'BEGIN RAISE EXCEPTION ''% is forbidden'', tg_tag; END'`,
  `CREATE EVENT TRIGGER log ON ddl_command_end EXECUTE FUNCTION log_ddl()`,
  `ALTER EVENT TRIGGER log ENABLE ALWAYS`,
  `CREATE EVENT TRIGGER "for $body$ replicas" ON ddl_command_start EXECUTE FUNCTION forbid()`,
  `ALTER EVENT TRIGGER "for $body$ replicas" ENABLE REPLICA`,
  `CREATE EVENT TRIGGER off ON ddl_command_start EXECUTE FUNCTION forbid()`,
  `ALTER EVENT TRIGGER off DISABLE`,
  `CREATE EVENT TRIGGER no_drops ON sql_drop EXECUTE FUNCTION forbid()`,
  `COMMENT ON EVENT TRIGGER no_drops IS 'ask first'`,
];

const STATES = 'SELECT evtname AS name, evtenabled AS state FROM pg_event_trigger ORDER BY evtname COLLATE "C"';

describe.each<Server>(['postgres18', 'postgres15'])('event triggers on %s', (server) => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  const facts = (database = bed.source.name) => bed.facts(database);
  const inPlace = () => bed.order(manifest, bed.source.name, { strategy: 'in-place' });
  const states = () => bed.source.query<{ name: string; state: string }>(STATES);

  beforeAll(async () => {
    bed = await RestoreTestBed.create(server, ...SCHEMA);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  it('forbid nothing and write nothing down while a backup is restored in place, and come back as it says', async () => {
    const before = await states();
    await bed.source.execute(
      `DELETE FROM orders; INSERT INTO ddl_log VALUES ('since')`,
      `ALTER EVENT TRIGGER log ENABLE; ALTER EVENT TRIGGER off ENABLE REPLICA; ALTER EVENT TRIGGER no_drops ENABLE ALWAYS`,
    );
    expect(await bed.restore(inPlace())).toMatchObject({ findings: { harmlessErrors: [] } });
    expect(comparable(await facts())).toEqual(comparable(manifest.snapshot));
    expect(await states()).toEqual(before);
    await expect(bed.source.execute('DROP TABLE orders CASCADE')).rejects.toThrow(/DROP TABLE is forbidden/);
  });

  it('that are newer than the backup are afterwards as they were', async () => {
    await bed.source.execute(
      `ALTER EVENT TRIGGER log DISABLE`,
      `CREATE SCHEMA late CREATE TABLE written (tag text)`,
      `CREATE FUNCTION late.refuse() RETURNS event_trigger LANGUAGE plpgsql AS
       'BEGIN INSERT INTO late.written VALUES (tg_tag); RAISE EXCEPTION ''% is refused'', tg_tag; END'`,
      `CREATE EVENT TRIGGER late_start ON ddl_command_start WHEN tag IN ('DROP TABLE', 'CREATE TABLE', 'CREATE FUNCTION', 'COMMENT')
       EXECUTE FUNCTION late.refuse()`,
      `ALTER EVENT TRIGGER late_start ENABLE ALWAYS`,
      `CREATE EVENT TRIGGER late_off ON ddl_command_end EXECUTE FUNCTION late.refuse(); ALTER EVENT TRIGGER late_off DISABLE`,
      `ALTER EVENT TRIGGER log ENABLE ALWAYS`,
    );
    const before = await states();
    const outcome = await bed.restore(inPlace());
    expect(outcome.findings['newerObjects']).toEqual(['late', 'late.refuse()', 'late.written']);
    expect(await states()).toEqual(before);
    expect(await bed.source.query('SELECT FROM late.written')).toEqual([]);
    expect((await facts()).tables.find(({ name }) => name === 'public.ddl_log')).toEqual(
      manifest.snapshot.tables.find(({ name }) => name === 'public.ddl_log'),
    );
    await bed.source.execute(
      'DROP EVENT TRIGGER late_start; DROP EVENT TRIGGER late_off; DROP EVENT TRIGGER no_drops; DROP EVENT TRIGGER log',
      'DROP SCHEMA late CASCADE',
    );
  });

  it('that are newer and use a function of the backup are named as what stands in the way', async () => {
    await bed.source.execute(
      `CREATE EVENT TRIGGER late ON sql_drop WHEN tag IN ('DROP INDEX') EXECUTE FUNCTION forbid()`,
    );
    await expect(bed.restore(inPlace())).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining('event trigger late depends on public.forbid() and is not in the backup'),
    });
    await bed.source.execute('DROP EVENT TRIGGER late');
  });

  it('of the backup see nothing of a restore to a new database', async () => {
    const database = bed.nameOf('new');
    expect(await bed.restore(bed.order(manifest, database))).toMatchObject({ findings: { harmlessErrors: [] } });
    expect(comparable(await facts(database))).toEqual(comparable(manifest.snapshot));
  });

  it('refuse a restore beforehand to a role that may neither make nor disable them', async () => {
    const role = await bed.source.createRole('plain', `LOGIN PASSWORD 'plain' CREATEDB`);
    const target = bed.target({ connection: { ...bed.connectionTo('postgres'), user: role, password: 'plain' } });
    const refusals = async () => {
      const plan = await previewRestore({ ...inPlace(), target, safety: true }, bed.tools, signal);
      return plan.refusals.filter(({ message }) => message.includes('event trigger'));
    };
    const reasons = async () => (await refusals()).map(({ message }) => message);
    const create = ['"for $body$ replicas"', 'log', 'no_drops', 'off'].map(
      (name) => `role ${role} may not create event trigger ${name}: it is no superuser`,
    );
    const disable = expect.stringMatching(
      /may not disable the event triggers of the database while it restores: log, no_drops$/,
    );
    await bed.restore(inPlace());
    const ofOwner = { ...inPlace(), target: bed.target({ privileges: 'drop', owner: role }) };
    await expect(bed.restore(ofOwner)).rejects.toMatchObject({
      code: 'postgres.permission',
      message: expect.stringContaining(create[1] ?? ''),
    });
    expect(await reasons()).toEqual([...create, disable]);
    const hints = (await refusals()).map(({ hint }) => hint);
    const superuser = 'Name a superuser in the `url` of the target.';
    const grant = sql`GRANT SET ON PARAMETER event_triggers TO ${identifier(role)}`;
    expect(hints.slice(0, -1)).toEqual(create.map(() => superuser));
    expect(hints.at(-1)).toContain(server === 'postgres15' ? superuser : `Run \`${grant.text}\` on the target`);
    if (server === 'postgres15') return;
    await bed.source.onServer(grant.text);
    expect(await reasons()).toEqual(create);
    await bed.source.onServer(`REVOKE SET ON PARAMETER event_triggers FROM ${role}`);
  });
});
