import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import { representative } from '#common/testing/representative.js';
import { type ShopRoles, shopOf } from '#common/testing/restore-shop.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { problemsOf } from '#common/testing/restored-shop.js';
import { endpoints } from '#tools/services/endpoints.js';

const { signal } = new AbortController();

describe.each(
  representative([
    ['postgres15', 'postgres18'],
    ['postgres18', 'postgres15'],
  ] as const),
)('rights of what is restored from %s to %s', (from, to) => {
  let bed: RestoreTestBed;
  let roles: ShopRoles;
  let manifest: PostgresManifest;
  const onTarget = (...statements: string[]) =>
    bed.onDatabase('postgres', (session) => session.query(statements.join('; ')), to);
  const rolesThere = async () =>
    (
      await bed.query<{ name: string }>(
        'postgres',
        `SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'spec_${bed.source.id}_%'`,
        to,
      )
    )
      .map(({ name }) => name)
      .sort();
  beforeAll(async () => {
    bed = await RestoreTestBed.create(from);
    await bed.recreateSource(`LOCALE_PROVIDER libc LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'`);
    roles = await shopOf(bed.source, { isPlain: true });
    await bed.source.execute(
      // Dates read otherwise here than on the target.
      `ALTER DATABASE ${bed.source.name} SET datestyle = 'German'; ALTER DATABASE ${bed.source.name} SET timezone = 'Asia/Kathmandu'`,
      `ALTER ROLE ${roles.app} CONNECTION LIMIT 7 VALID UNTIL '2031-02-03 04:05:06+00'`,
      `COMMENT ON ROLE ${roles.app} IS 'the shop'`,
      `COMMENT ON EXTENSION citext IS 'ours'; COMMENT ON EXTENSION plpgsql IS NULL`,
    );
    manifest = await bed.backup();
  });
  afterAll(async () => {
    await bed.drop();
    for (const role of [...Object.values(roles ?? {}), `spec_${bed.source.id}_admin`, `spec_${bed.source.id}_served`]) {
      await onTarget(`DROP ROLE IF EXISTS ${role}`);
    }
  });
  const target = (changes = {}) => bed.target(changes, to);

  it('a server without the roles is refused before any change', async () => {
    const order = bed.order(manifest, bed.nameOf('refused', to), { target: target() });
    await expect(bed.restore(order)).rejects.toMatchObject({
      code: 'restore.roles-missing',
      message: expect.stringContaining(roles.app),
    });
    expect(await rolesThere()).toEqual([]);
    const { missingRoles, refusals } = await previewRestore({ ...order, safety: false }, bed.tools, signal);
    expect(missingRoles).toEqual([roles.app, roles.owner, roles.reader].sort());
    expect(refusals).toHaveLength(1);
  });

  it('everything goes to the owner that the target names, and what runs with its rights works', async () => {
    const owner = `spec_${bed.source.id}_served`;
    const changes = { privileges: 'drop', owner, missingRoles: 'create' } as const;
    const database = bed.nameOf('served', to);
    const order = bed.order(manifest, database, { target: target(changes) });
    const outcome = await bed.restore(order);
    // Policies name the app and the reader, whatever becomes of owners and privileges.
    expect(outcome.findings['createdRoles']).toEqual([roles.app, roles.reader, owner].sort());
    const facts = await bed.facts(database, to);
    const own = facts.objects.filter(({ kind, identity }) => kind !== 'default-privileges' && identity !== 'public');
    expect(new Set(own.map((object) => object.owner))).toEqual(new Set([owner]));
    expect(facts.databaseOwner).toBe(owner);
    expect(facts.tables.map(({ rls }) => rls)).toEqual(manifest.snapshot.tables.map(({ rls }) => rls));
    await bed.onDatabase(
      database,
      async (session) => {
        await session.query(`SET row_security = on; SET ROLE ${owner}`);
        await session.query('SELECT order_count(), (SELECT count(*) FROM sums)');
      },
      to,
    );
    await bed.onDatabase('postgres', (session) => session.query(`DROP DATABASE ${database} WITH (FORCE)`), to);
    await onTarget(`DROP ROLE ${roles.app}`, `DROP ROLE ${roles.reader}`);
  });

  it('created roles cannot log in until an operator lets them, and then the application sees its tenant only', async () => {
    const database = bed.nameOf('created', to);
    const order = bed.order(manifest, database, { target: target({ missingRoles: 'create' }) });
    const outcome = await bed.restore(order);
    expect(outcome.findings['createdRoles']).toEqual([roles.app, roles.owner, roles.reader].sort());
    expect(outcome.findings['withheldRights']).toEqual([`${roles.app}: LOGIN`]);
    expect(outcome.findings['withheldSettings']).toEqual(['app.jwt_secret']);
    const [app] = await bed.query<object>(
      database,
      `SELECT rolconnlimit AS "limit", rolvaliduntil = '2031-02-03 04:05:06+00' AS "isValid", shobj_description(oid, 'pg_authid') AS comment
       FROM pg_roles WHERE rolname = '${roles.app}'`,
      to,
    );
    expect(app).toEqual({ limit: 7, isValid: true, comment: 'the shop' });
    const asApp = { ...bed.connectionTo(database, to), user: roles.app, password: roles.app };
    const options = { signal, applicationName: 'spec', settings: { row_security: 'on' } };
    await expect(withPgSession(asApp, options, async () => undefined)).rejects.toMatchObject({ code: 'postgres.auth' });
    await onTarget(`ALTER ROLE ${roles.app} LOGIN PASSWORD '${roles.app}'`);
    await withPgSession(asApp, options, async (session) => {
      const count = async (relation: string) =>
        (await session.queryOne<{ n: number }>(`SELECT count(*)::int AS n FROM ${relation}`)).n;
      expect(await count('orders')).toBe(0);
      await session.query(`SET app.tenant = 'south'`);
      expect([await count('orders'), await count('tenant_orders'), await count('items')]).toEqual([30, 30, 30]);
      expect(await session.query('SELECT tenant FROM sums')).toEqual([{ tenant: 'south' }]);
      expect(await session.query('SELECT order_count()::int AS n')).toEqual([{ n: 30 }]);
      await expect(
        session.query(`INSERT INTO orders (tenant, status, total) VALUES ('north', 'paid', 1)`),
      ).rejects.toThrow(/row-level security/);
    });
    const restored = await bed.facts(database, to);
    expect(restored.tables).toEqual(manifest.snapshot.tables);
    expect(restored.objects.map(({ identity, owner }) => [identity, owner])).toEqual(
      manifest.snapshot.objects.map(({ identity, owner }) => [identity, owner]),
    );
    expect(restored.databasePrivileges).toEqual(manifest.snapshot.databasePrivileges);
  });

  it('is proven equal: what a version gives or lacks by itself is no difference', async () => {
    const database = bed.nameOf('created', to);
    const outcomes = await bed.verify(manifest, database, ['privileges', 'rls'], to);
    expect(outcomes.map((outcome) => [outcome.verdict, problemsOf(outcome)])).toEqual([
      ['passed', []],
      ['passed', []],
    ]);
    const { extensions } = await bed.facts(database, to);
    expect(extensions.map(({ name, comment }) => [name, comment])).toEqual([
      ['citext', 'ours'],
      ['plpgsql', null],
    ]);
    await bed.query(database, `GRANT TRUNCATE ON orders TO ${roles.reader}`, to);
    const [widened] = await bed.verify(manifest, database, ['privileges'], to);
    await bed.query(database, `REVOKE TRUNCATE ON orders FROM ${roles.reader}`, to);
    expect(widened?.verdict).toBe('failed');
  });

  it('an attempt that finds its database finished reports what the earlier one created and withheld, and the complaints that it met', async () => {
    const database = bed.nameOf('created', to);
    const drop = (what: string) => bed.onDatabase('postgres', (session) => session.query(what), to);
    const names = Object.values(roles).join(', ');
    await drop(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await drop(`DROP ROLE IF EXISTS ${names}`);
    const order = bed.order(manifest, database, { target: target({ missingRoles: 'create' }) });
    const remember = rememberHere();
    const outcome = await bed.restore(order, { remember });
    expect(outcome.findings['createdRoles']).toHaveLength(3);
    // Tools of the newer version ask for a parameter that the older server does not know.
    expect((outcome.findings['harmlessErrors'] ?? []).length > 0).toBe(to === 'postgres15');
    const later = { ...order, identity: { ...order.identity, attempt: 2 } };
    expect(await bed.restore(later, { remember })).toEqual(outcome);
  });

  it('in place works across versions as well', async () => {
    const database = bed.nameOf('created', to);
    await bed.onDatabase(database, (session) => session.query('TRUNCATE items, orders'), to);
    await bed.restore(bed.order(manifest, database, { target: target(), strategy: 'in-place' }));
    expect((await bed.facts(database, to)).tables).toEqual(manifest.snapshot.tables);
  });

  it('in place another owner may take over what belonged to several', async () => {
    const database = bed.nameOf('created', to);
    const changes = { privileges: 'drop', owner: roles.owner } as const;
    await onTarget(`ALTER DATABASE ${database} OWNER TO ${roles.owner}`);
    await bed.restore(bed.order(manifest, database, { target: target(changes), strategy: 'in-place' }));
    const facts = await bed.facts(database, to);
    const own = facts.objects.filter(({ kind, identity }) => kind !== 'default-privileges' && identity !== 'public');
    expect(new Set(own.map((object) => object.owner))).toEqual(new Set([roles.owner]));
    expect(facts.tables).toEqual(manifest.snapshot.tables);
  });

  it('an archive is refused before any change where only older tools are', async () => {
    const tools = new PgTools(async () => []);
    const toolDirectories = [endpoints.postgres15.binDir];
    const order = bed.order(manifest, bed.nameOf('older', to), { target: target({ toolDirectories }) });
    const tooOld = { code: 'postgres.tool-too-old', message: expect.stringContaining('18') };
    await expect(bed.restore(order, { engine: postgresEngine(tools) })).rejects.toMatchObject(tooOld);
  });

  it('a role without the rights is refused before any change, and one that has them needs to be no superuser', async () => {
    const admin = `spec_${bed.source.id}_admin`;
    await onTarget(`CREATE ROLE ${admin} LOGIN PASSWORD '${admin}'`);
    const connection = { ...bed.connectionTo('postgres', to), user: admin, password: admin };
    const changes = { connection, privileges: 'drop', owner: roles.owner } as const;
    const database = bed.nameOf('by_admin', to);
    const order = bed.order(manifest, database, { target: target(changes) });
    await expect(bed.restore(order)).rejects.toMatchObject({
      code: 'postgres.permission',
      message: expect.stringMatching(/may not create databases; .*not a member/),
    });
    await onTarget(`ALTER ROLE ${admin} CREATEDB`, `GRANT ${roles.owner} TO ${admin}`);
    await bed.restore(order);
    const restored = await bed.facts(database, to);
    expect(restored.tables).toEqual(manifest.snapshot.tables);
    const inPlace = bed.order(manifest, database, { target: target(changes), strategy: 'in-place' });
    await bed.restore(inPlace);
    expect((await bed.facts(database, to)).tables).toEqual(manifest.snapshot.tables);
    await bed.onDatabase('postgres', (session) => session.query(`DROP DATABASE ${database} WITH (FORCE)`), to);
  });
});
