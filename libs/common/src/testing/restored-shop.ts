import { randomBytes, randomUUID } from 'node:crypto';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { inRollback } from '#common/engines/postgres/probes/probe-session.js';
import { recordTenants } from '#common/engines/postgres/tenants/record.js';
import type { TenantTables } from '#common/engines/postgres/tenants/tenant-tables.js';
import { parseProfile } from '#common/engines/profiles.js';
import { type PgConnection, parsePgUrl, withDatabase } from '#common/pg/connection.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Restored, toProbeContext } from './restored.js';
import { readSnapshotFacts } from './snapshot-facts.js';

const server = parsePgUrl(endpoints.postgres18.url);
const signal = new AbortController().signal;

/** What the probe is held against, and how the copy is treated. */
export interface ShopChanges extends Omit<Restored, 'database'> {
  readonly manifest: PostgresManifest;
  readonly repository?: BackupRepository;
}

/** Three tenants of different size, so that a mix-up shows in the numbers. */
export const TENANTS = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'] as const;

/** A small multi-tenant database, its facts as a manifest has them, and copies of it that specs tamper with. */
export class RestoredShop {
  readonly id = randomBytes(4).toString('hex');
  readonly owner = `probe_${this.id}_owner`;
  readonly app = `probe_${this.id}_app`;
  readonly reader = `probe_${this.id}_reader`;
  private readonly source = `probe_${this.id}`;
  private readonly copies: string[] = [];

  /** `statements` are run in it last. */
  static async create(...statements: readonly string[]): Promise<RestoredShop> {
    const shop = new RestoredShop();
    try {
      await shop.make(statements);
    } catch (error) {
      await shop.drop();
      throw error;
    }
    return shop;
  }

  private async make(statements: readonly string[]): Promise<void> {
    await onServer(`CREATE ROLE ${this.owner}`, `CREATE ROLE ${this.app} LOGIN`, `CREATE ROLE ${this.reader}`);
    await onServer(`CREATE DATABASE ${this.source}`);
    await execute(this.connection, [...this.schema(), ...statements]);
  }

  /** The source itself: for dumps. */
  get connection(): PgConnection {
    return withDatabase(server, this.source);
  }

  /** With what the application saw, where it is named. */
  async manifest(tenantTables?: TenantTables): Promise<PostgresManifest> {
    const read = <T>(work: (session: PgSession) => Promise<T>) =>
      withPgSession(this.connection, { signal, applicationName: 'spec' }, work);
    const facts = await read((session) => readSnapshotFacts(session));
    const application = tenantTables?.application;
    const record = (session: PgSession) =>
      inRollback(session, 'BEGIN READ ONLY', async () =>
        tenantTables === undefined || application === undefined
          ? {}
          : { tenants: await recordTenants(session, { tenantTables, application }) },
      );
    const snapshot = { ...facts, ...(await read(record)) };
    const backupId = randomUUID();
    return {
      ...{ formatVersion: 1, dataset: 'shop', kind: 'postgres', method: 'dump', purpose: 'regular' },
      ...{ backupId, runId: randomUUID(), attempt: 1, attemptKey: `shop/${backupId}/a1-00` },
      ...{
        startedAt: snapshot.takenAt,
        completedAt: snapshot.takenAt,
        holdfastVersion: '0.1.0',
        tools: {},
        recipients: [],
      },
      ...{ objects: [], facts: snapshot, snapshot, busPosition: null, restoreByHand: ['true'] },
    } as unknown as PostgresManifest;
  }

  /** A true copy, then changed by the statements: what a bad restore, or a session afterwards, would have done. */
  async restore(...tampering: readonly string[]): Promise<PgConnection> {
    const name = `${this.source}_${this.copies.length}`;
    await onServer(`CREATE DATABASE ${name} TEMPLATE ${this.source}`);
    this.copies.push(name);
    await execute(withDatabase(server, name), tampering);
    return withDatabase(server, name);
  }

  /** For a real pg_restore. */
  async createEmpty(): Promise<PgConnection> {
    const name = `${this.source}_${this.copies.length}`;
    await onServer(`CREATE DATABASE ${name} TEMPLATE template0`);
    this.copies.push(name);
    // pg_restore --role creates as the owner.
    await execute(withDatabase(server, name), [`GRANT CREATE ON SCHEMA public TO ${this.owner}`]);
    return withDatabase(server, name);
  }

  context(manifest: PostgresManifest, restored: Restored, repository = NO_REPOSITORY) {
    return toProbeContext(restored, { manifest, repository });
  }

  /** What one probe of a profile says of a copy that the statements changed. */
  async probe(
    entry: { readonly use: string },
    { manifest, repository, ...changes }: ShopChanges,
    tampering: readonly string[] = [],
  ): Promise<ProbeOutcome> {
    const [prepared] = parseProfile({ probes: [entry] });
    if (prepared === undefined) throw new Error('no probe');
    const database = await this.restore(...tampering);
    return prepared.run(this.context(manifest, { database, ...changes }, repository));
  }

  async drop(): Promise<void> {
    for (const name of [...this.copies, this.source]) await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await onServer(...[this.owner, this.app, this.reader].map((role) => `DROP ROLE IF EXISTS ${role}`));
  }

  private schema(): string[] {
    const mine = `tenant = nullif(current_setting('app.tenant', true), '')`;
    return [
      `GRANT CREATE ON SCHEMA public TO ${this.owner}, ${this.reader}`,
      `SET ROLE ${this.owner}`,
      `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text NOT NULL, cents int NOT NULL,
         euros numeric GENERATED ALWAYS AS (cents / 100.0) STORED)`,
      `CREATE TABLE products (id int PRIMARY KEY, tenant text NOT NULL, name text NOT NULL, cents int NOT NULL)`,
      `CREATE TABLE "Price List" (id int PRIMARY KEY, label text)`,
      `CREATE TABLE events (tenant text NOT NULL, at date NOT NULL) PARTITION BY RANGE (at)`,
      `CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
      ...['orders', 'products', 'events', 'events_2026'].flatMap((table) => [
        `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
        `CREATE POLICY own ON ${table} TO ${this.app}, ${this.reader} USING (${mine}) WITH CHECK (${mine})`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${this.app}`,
        `GRANT SELECT ON ${table} TO ${this.reader}`,
      ]),
      `CREATE VIEW invoker_products WITH (security_invoker = true) AS SELECT * FROM products`,
      `CREATE VIEW owner_orders AS SELECT id, tenant, cents FROM orders`,
      `CREATE FUNCTION all_orders() RETURNS TABLE (tenant text, cents int) LANGUAGE sql STABLE SECURITY DEFINER
         SET search_path = public AS 'SELECT o.tenant, o.cents FROM orders o'`,
      `CREATE FUNCTION order_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
         SET search_path = public AS 'SELECT count(*) FROM orders'`,
      `REVOKE EXECUTE ON FUNCTION all_orders(), order_count() FROM PUBLIC`,
      `GRANT EXECUTE ON FUNCTION all_orders(), order_count() TO ${this.app}`,
      `GRANT SELECT ON invoker_products, owner_orders TO ${this.app}`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${this.app}`,
      `RESET ROLE`,
      `ALTER VIEW owner_orders OWNER TO ${this.reader}`,
      `ALTER FUNCTION all_orders() OWNER TO ${this.reader}`,
      `ALTER FUNCTION order_count() OWNER TO ${this.reader}`,
      ...TENANTS.map(
        (tenant, index) =>
          `INSERT INTO orders (tenant, cents) SELECT '${tenant}', n * 100 FROM generate_series(1, ${(index + 1) * 7}) n`,
      ),
      `INSERT INTO products SELECT n, (ARRAY['${TENANTS.join("','")}'])[1 + n % 3], 'product ' || n, n * 10
         FROM generate_series(1, 60) n`,
      `INSERT INTO "Price List" SELECT n, 'label ' || n FROM generate_series(1, 5) n`,
      `INSERT INTO events SELECT '${TENANTS[0]}', '2026-05-01' FROM generate_series(1, 4)`,
    ];
  }
}

/** `subject: problem` of everything that speaks against the restore or stayed open. */
export const problemsOf = ({ evidence }: ProbeOutcome): string[] =>
  evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));

/** A statement with `%I` for the name of the database that runs it. */
export const onDatabase = (statement: string): string =>
  `DO $do$ BEGIN EXECUTE format($$${statement}$$, current_database()); END $do$`;

export const onServer = (...statements: readonly string[]): Promise<void> => execute(server, statements);

export function execute(connection: PgConnection, statements: readonly string[]): Promise<void> {
  const options = { signal, applicationName: 'spec', settings: { row_security: 'on' } };
  return withPgSession(connection, options, async (session) => {
    for (const statement of statements) await session.query(statement);
  });
}

/** For probes that read no object: any use fails. */
const NO_REPOSITORY = new Proxy({} as BackupRepository, {
  get(_, member) {
    throw new Error(`this spec has no repository: ${String(member)}`);
  },
});
