import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { assertReadable } from '#common/engines/postgres/facts/access.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { BackupTestBed, factsOf } from '#common/testing/backup-test-bed.js';
import { representative } from '#common/testing/representative.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { pausing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();

/** The role of the documentation, BYPASSRLS and pg_read_all_data, against what other roles own and did not share. */
describe.each(representative(['postgres18', 'postgres15'] as const))('the documented backup role on %s', (server) => {
  let bed: BackupTestBed;
  let scratch: ScratchDatabase;
  let backup: string;
  let app: string;

  beforeAll(async () => {
    bed = await BackupTestBed.create();
    scratch = await ScratchDatabase.create(server);
    backup = await scratch.createRole('backup', `LOGIN BYPASSRLS PASSWORD 'backup' IN ROLE pg_read_all_data`);
    app = await scratch.createRole('app');
    await scratch.execute(
      `CREATE SCHEMA private; REVOKE ALL ON SCHEMA private FROM PUBLIC`,
      `CREATE TYPE private.mood AS ENUM ('good')`,
      `CREATE FUNCTION private.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'`,
      `REVOKE ALL ON FUNCTION private.f(int) FROM PUBLIC; REVOKE ALL ON TYPE private.mood FROM PUBLIC`,
      `CREATE SEQUENCE private.s`,
      `CREATE TABLE private.doc (tenant text, hidden bool DEFAULT false, n int DEFAULT private.f(1), m private.mood)`,
      `CREATE INDEX ON private.doc (private.f(n))`,
      `INSERT INTO private.doc (tenant, hidden) SELECT (ARRAY['a','b'])[1 + i % 2], i > 7 FROM generate_series(1, 10) i`,
      `CREATE MATERIALIZED VIEW private.mv AS SELECT private.f(n) FROM private.doc`,
      `ALTER TABLE private.doc ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
      `CREATE POLICY own ON private.doc USING (tenant = current_setting('app.tenant', true))`,
      `CREATE POLICY present ON private.doc AS RESTRICTIVE FOR SELECT USING (NOT hidden)`,
      `GRANT USAGE ON SCHEMA private TO ${app}; GRANT SELECT ON private.doc TO ${app}`,
    );
  });
  afterEach(() => scratch.execute('SELECT lo_unlink(oid) FROM pg_largeobject_metadata'));
  afterAll(async () => {
    await scratch.drop();
    await bed.remove();
  });

  const connection = () => scratch.connectionOf(backup, 'backup');
  const take = (dataset: Partial<PostgresDataset> = {}, meanwhile?: () => Promise<void>): Promise<Manifest> => {
    const repository =
      meanwhile === undefined ? {} : { repository: new ScriptedRepository(bed.repository, pausing(meanwhile)) };
    return takeBackup(
      bed.attempt(scratch.dataset({ connection: connection(), ...dataset })),
      bed.deps(repository),
      signal,
    );
  };
  const check = () =>
    withPgSession(connection(), { signal, applicationName: 'spec' }, (session) => assertReadable(session));
  const makeLargeObject = async (): Promise<string> => {
    const [made] = await scratch.query<{ oid: string }>(`SELECT lo_from_bytea(0, 'bytes')::text AS oid`);
    return String(made?.oid);
  };

  it('reads schemas, sequences, types, functions and views that no owner shared with it', async () => {
    await check();
    const facts = factsOf(await take());
    expect(facts.tables).toMatchObject([{ name: 'private.doc', rows: 10 }]);
  });

  it('hears before the dump which large objects it cannot read, and both remedies work', async () => {
    const oids = [await makeLargeObject(), await makeLargeObject()].sort((a, b) => Number(a) - Number(b));
    const refusal = {
      code: 'postgres.permission',
      message: `role ${backup} may not read the large objects ${oids.join(', ')}`,
      context: { role: backup, largeObjects: oids },
      hint: expect.stringContaining(`GRANT SELECT ON LARGE OBJECT ${oids.join(', ')} TO ${backup}`),
    };
    await expect(check()).rejects.toMatchObject(refusal);
    await expect(take()).rejects.toMatchObject(refusal);
    await scratch.execute(`GRANT SELECT ON LARGE OBJECT ${oids.join(', ')} TO ${backup}`);
    await check();
    expect((await take()).objects).toHaveLength(2);

    const later = await makeLargeObject();
    const hint = `ALTER ROLE ${backup} IN DATABASE ${scratch.name} SET lo_compat_privileges = on`;
    await expect(check()).rejects.toMatchObject({
      context: { largeObjects: [later] },
      hint: expect.stringContaining(hint),
    });
    await scratch.execute(hint);
    await check();
    expect((await take()).objects).toHaveLength(2);
    await scratch.execute(`ALTER ROLE ${backup} IN DATABASE ${scratch.name} RESET lo_compat_privileges`);
  });

  it('hears how to inherit what it was granted', async () => {
    const idle = await scratch.createRole('idle', `LOGIN NOINHERIT BYPASSRLS PASSWORD 'idle' IN ROLE pg_read_all_data`);
    const asIdle = { connection: scratch.connectionOf(idle, 'idle') };
    const remedy =
      server === 'postgres18' ? `GRANT pg_read_all_data TO ${idle} WITH INHERIT TRUE` : `ALTER ROLE ${idle} INHERIT`;
    await expect(take(asIdle)).rejects.toMatchObject({ hint: expect.stringContaining(`\`${remedy}\``) });
    await scratch.onServer(remedy);
    expect((await take(asIdle)).objects).toHaveLength(2);
  });

  it('records what the application sees in the dump’s own snapshot, or how it could', async () => {
    const application = { role: app, tenantSetting: 'app.tenant', views: [], functions: [], samples: 3 };
    const tenantTables = { schema: 'private', column: 'tenant', application };
    const facts = factsOf(await take({ tenantTables }));
    const grant = `GRANT "${app}" TO "${backup}"${server === 'postgres18' ? ' WITH INHERIT FALSE, SET TRUE' : ''}`;
    expect(facts.tenants).toMatchObject({
      seen: [],
      reason: `role ${backup} may not act as ${app}; ${grant} lets it`,
    });
    await scratch.onServer(grant);
    // What is committed while the dump runs is in neither.
    const later = await take({ tenantTables }, () =>
      scratch.execute(`INSERT INTO private.doc (tenant) VALUES ('a'), ('c')`),
    );
    await scratch.execute(`DELETE FROM private.doc WHERE tenant = 'c'`);
    const seen = (tenant: string | null, own: number) => ({
      ...{ relation: 'table private.doc', tenant, own, others: 0, unowned: 0 },
    });
    expect(factsOf(later).tenants).toMatchObject({
      ...{ role: app, tenantSetting: 'app.tenant', column: 'tenant', reason: null, unreadable: [], unseen: [] },
      seen: [seen(null, 0), seen('a', 3), seen('b', 4), seen('', 0)],
    });
  });
});
