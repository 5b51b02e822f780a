import { randomUUID } from 'node:crypto';
import { mkdtemp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresManifest, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { lockDatabase } from '#common/engines/postgres/restore/lock.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import type { Code } from '#common/errors/codes.js';
import { exitOfRefusals } from '#common/errors/refusals.js';
import { type PgOrder, RestoreTestBed, type Server } from '#common/testing/restore-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';

const { signal } = new AbortController();
const NOWHERE = { name: 'nowhere', version: '1', schema: 'public', comment: null };

interface Obstacle {
  readonly order: PgOrder;
  readonly tools?: PgTools;
  readonly safety?: boolean;
}

type Row = readonly [what: string, code: Code, reason: RegExp, make: () => Promise<Obstacle> | Obstacle];

describe('what the run refuses the plan refuses, with the same code and exit', () => {
  let bed: RestoreTestBed;
  let icu: RestoreTestBed;
  let manifest: PostgresManifest;
  let swedish: PostgresManifest;
  let austrian: PostgresManifest;
  const role = { owner: '', group: '', admin: '' };
  const undo: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres18');
    role.owner = await bed.source.createRole('owner');
    role.group = await bed.source.createRole('group');
    role.admin = await bed.source.createRole('admin', `LOGIN PASSWORD 'admin'`);
    await bed.source.onServer(`GRANT ${role.group} TO ${role.owner}`);
    await bed.source.execute(
      `ALTER DATABASE ${bed.source.name} OWNER TO ${role.owner}`,
      `CREATE TABLE orders (id int PRIMARY KEY)`,
      `ALTER TABLE orders OWNER TO ${role.owner}`,
      `GRANT SELECT ON orders TO ${role.group}`,
    );
    manifest = await bed.backup();
    icu = await RestoreTestBed.create('postgres15');
    await icu.recreateSource(`LOCALE_PROVIDER icu ICU_LOCALE 'sv' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' ENCODING 'UTF8'`);
    swedish = await icu.backup();
    await icu.recreateSource(`LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'`);
    await icu.source.execute(`CREATE TABLE names (name text COLLATE "de-AT-x-icu" PRIMARY KEY)`);
    austrian = await icu.backup();
  });
  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });
  afterAll(async () => {
    await bed?.drop();
    await icu?.drop();
  });

  const beside = (changes: Partial<PostgresTarget> = {}, of = manifest): PgOrder =>
    bed.order(of, bed.nameOf(`beside_${randomUUID().slice(0, 8)}`), { target: bed.target(changes) });
  const inPlace = (changes: Partial<PostgresTarget> = {}): PgOrder =>
    bed.order(manifest, bed.source.name, { strategy: 'in-place', target: bed.target(changes) });
  const withFacts = (facts: Partial<SnapshotFacts>): PostgresManifest => ({
    ...manifest,
    snapshot: { ...manifest.snapshot, ...facts },
  });
  const asAdmin = () => ({ ...bed.connectionTo('postgres'), user: role.admin, password: 'admin' });
  const onServer = async (make: string, clear: string): Promise<void> => {
    await bed.source.onServer(make);
    undo.push(() => bed.source.onServer(clear));
  };
  const makeTablespace = async (server: Server, name: string): Promise<void> => {
    const onServer = (...statements: string[]) =>
      bed.onDatabase(
        'postgres',
        async (session) => {
          for (const statement of statements) await session.query(statement);
        },
        server,
      );
    await onServer('SET allow_in_place_tablespaces = on', `CREATE TABLESPACE ${name} LOCATION ''`);
    undo.push(() => onServer(`DROP TABLESPACE ${name}`));
  };
  /** As a role that may do to the database all that a restore does, and has no other rights. */
  const asMemberOfOwner = async (): Promise<Obstacle> => {
    await onServer(`GRANT ${role.owner} TO ${role.admin}`, `REVOKE ${role.owner} FROM ${role.admin}`);
    return { order: inPlace({ connection: asAdmin() }), safety: true };
  };
  const hideRows = () =>
    inSource(
      'ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
      'ALTER TABLE orders DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY',
    );
  const inSource = async (make: string, clear: string): Promise<void> => {
    await bed.source.execute(make);
    undo.push(() => bed.source.execute(clear));
  };

  const rows: readonly Row[] = [
    [
      'a database that exists already',
      'restore.database-exists',
      /exists already/,
      () => ({ order: bed.order(manifest, bed.source.name) }),
    ],
    [
      'no database to restore in place',
      'restore.database-missing',
      /there is no database/,
      () => ({ order: { ...beside(), strategy: 'in-place' } }),
    ],
    [
      'another restore of the same database',
      'restore.busy',
      /another restore is writing/,
      async () => {
        const { target, destination: database } = inPlace();
        const lock = await lockDatabase(target, database, { runId: randomUUID(), attempt: 1 }, { signal });
        undo.push(() => lock.close());
        return { order: inPlace() };
      },
    ],
    [
      'a catalog of Holdfast',
      'restore.blocked',
      /holds a catalog of Holdfast/,
      async () => {
        await inSource('CREATE SCHEMA holdfast CREATE TABLE migrations ()', 'DROP SCHEMA holdfast CASCADE');
        return { order: inPlace() };
      },
    ],
    [
      'an archive that is newer than the tools',
      'postgres.tool-too-old',
      /an archive of pg_dump 18 needs pg_restore of that version/,
      () => {
        const changes = { toolDirectories: [endpoints.postgres15.binDir] };
        const target = bed.target(changes, 'postgres15');
        return { order: bed.order(manifest, bed.nameOf('old', 'postgres15'), { target }), tools: new PgTools(none) };
      },
    ],
    [
      'no tools at all',
      'postgres.tool-missing',
      /no pg_restore, psql/,
      () => ({ order: beside({ toolDirectories: [] }), tools: new PgTools(none) }),
    ],
    [
      'a role that the server lacks',
      'restore.roles-missing',
      /lacks the roles .*_gone/,
      () => ({ order: beside({}, withFacts({ roles: [...manifest.snapshot.roles, `${role.owner}_gone`] })) }),
    ],
    [
      'a membership that the server lacks, of a role that it has',
      'restore.roles-missing',
      /role \S+_owner is no member of \S+_group/,
      async () => {
        await onServer(`REVOKE ${role.group} FROM ${role.owner}`, `GRANT ${role.group} TO ${role.owner}`);
        return { order: beside({ missingRoles: 'create' }) };
      },
    ],
    [
      'a locale provider that was not built into the server',
      'restore.blocked',
      /\(PostgreSQL 18\) lacks the icu locale provider/,
      () => ({ order: beside({}, swedish) }),
    ],
    [
      'a collation whose provider was not built into the server',
      'restore.blocked',
      /lacks the icu locale provider, which collation pg_catalog."de-AT-x-icu" needs/,
      () => ({ order: beside({}, austrian) }),
    ],
    [
      'a collation of the operating system that the server does not know',
      'restore.blocked',
      /lacks the collation pg_catalog."xx_XX"/,
      () => {
        const collation = { name: 'pg_catalog."xx_XX"', provider: 'libc' as const, locales: ['C.UTF-8'] };
        return { order: beside({}, withFacts({ collations: [collation] })) };
      },
    ],
    [
      'a tablespace that the server lacks, which has others',
      'restore.blocked',
      /lacks the tablespaces spec_\w+_fast/,
      async () => {
        const [fast, other] = [`${bed.source.name}_fast`, `${bed.source.name}_other`];
        await makeTablespace('postgres18', fast);
        await makeTablespace('postgres15', other);
        await inSource(`CREATE TABLE hot () TABLESPACE ${fast}`, 'DROP TABLE hot');
        const target = bed.target({}, 'postgres15');
        const [hot, database] = [await bed.backup(), bed.nameOf('hot', 'postgres15')];
        const snapshot = { ...hot.snapshot, localeProvider: 'libc' as const, collation: 'C', characterType: 'C' };
        return {
          order: bed.order({ ...hot, snapshot: { ...snapshot, roles: [], memberships: [] } }, database, { target }),
        };
      },
    ],
    [
      'a locale that the operating system of the server lacks',
      'restore.blocked',
      /lacks the locale "xx_XX.UTF-8"/,
      () => ({ order: beside({}, withFacts({ collation: 'xx_XX.UTF-8' })) }),
    ],
    [
      'an extension that is not there',
      'restore.blocked',
      /lacks the extensions nowhere/,
      () => ({ order: beside({}, withFacts({ extensions: [NOWHERE] })) }),
    ],
    [
      'a role that may not create databases',
      'postgres.permission',
      /may not create databases; .*not a member of that role/,
      () => ({ order: beside({ connection: asAdmin() }) }),
    ],
    [
      'a role that owns nothing in the database',
      'postgres.permission',
      /may not change database .*which belongs to \S+_owner/,
      () => ({ order: inPlace({ connection: asAdmin() }) }),
    ],
    [
      'a role that owns nothing in the database, where nothing comes back but the data',
      'postgres.permission',
      /may not drop what belongs to \S+_owner: public.orders/,
      () => ({ order: inPlace({ connection: asAdmin(), privileges: 'drop' }) }),
    ],
    [
      'something newer that depends on what is restored',
      'restore.blocked',
      /public.peek depends on public.orders/,
      async () => {
        await inSource('CREATE VIEW peek AS SELECT id FROM orders', 'DROP VIEW peek');
        return { order: inPlace() };
      },
    ],
    [
      'rows that the safety dump would not see',
      'postgres.rls-hidden',
      /the safety backup cannot be taken: row-level security hides rows of public.orders from role \S+_admin/,
      () => hideRows().then(asMemberOfOwner),
    ],
    [
      'large objects that the safety dump may not read',
      'postgres.permission',
      /the safety backup cannot be taken: role \S+_admin may not read the large objects 4711/,
      () => inSource('SELECT lo_create(4711)', 'SELECT lo_unlink(4711)').then(asMemberOfOwner),
    ],
    [
      'tools that restore and do not dump',
      'postgres.tool-missing',
      /the safety backup cannot be taken: no pg_dump, pg_dumpall for PostgreSQL 18/,
      async () => {
        const folder = await mkdtemp(join(bed.backups.folder, 'tools-'));
        for (const tool of ['pg_restore', 'psql']) await symlink(join(bed.source.binDir, tool), join(folder, tool));
        return { order: inPlace({ toolDirectories: [folder] }), tools: new PgTools(none), safety: true };
      },
    ],
  ];

  it.each(rows)('%s', async (_, code, reason, make) => {
    const { order, tools = bed.tools, safety = false } = await make();
    const { refusals } = await previewRestore({ ...order, safety }, tools, signal);
    const error = await bed
      .restore(order, { engine: postgresEngine(tools), takeSafetyBackup: safety ? tooLate : undefined })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(reason), exit: exitOfRefusals(refusals) });
    if (code !== 'restore.busy')
      expect(error).toMatchObject({ context: { refusals: refusals.map(({ message }) => message) } });
    expect(refusals[0]?.code).toBe(code);
  });

  it('nothing where the run goes ahead, as a superuser and as a role that has what it needs', async () => {
    await onServer(`ALTER ROLE ${role.admin} CREATEDB`, `ALTER ROLE ${role.admin} NOCREATEDB`);
    await onServer(`GRANT ${role.owner} TO ${role.admin}`, `REVOKE ${role.owner} FROM ${role.admin}`);
    const own = { connection: asAdmin() };
    for (const order of [beside(), inPlace(), beside(own), inPlace(own)]) {
      expect(await previewRestore({ ...order, safety: true }, bed.tools, signal)).toMatchObject({ refusals: [] });
      await bed.restore(order);
    }
  });

  it('nothing for the sake of a safety dump that is declined, or that an earlier attempt took', async () => {
    await hideRows();
    const { order } = await asMemberOfOwner();
    expect(await previewRestore({ ...order, safety: false }, bed.tools, signal)).toMatchObject({ refusals: [] });
    await bed.restore(order, { takeSafetyBackup: async () => 'an-earlier-one', isSafetyBackupTaken: true });
  });
});

const tooLate = () => Promise.reject(new Error('the safety dump is begun'));
const none = async (): Promise<string[]> => [];
