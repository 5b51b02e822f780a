import { randomBytes } from 'node:crypto';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { type PgConnection, parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { endpoints } from '#tools/services/endpoints.js';

const signal = new AbortController().signal;

/** A database, and roles, of one spec on one of the real servers. */
export class ScratchDatabase {
  readonly id = randomBytes(4).toString('hex');
  readonly name = `spec_${this.id}`;
  private readonly roles: string[] = [];
  private readonly databases = [this.name];

  private constructor(private readonly server: 'postgres18' | 'postgres15') {}

  static async create(server: 'postgres18' | 'postgres15', ...statements: readonly string[]): Promise<ScratchDatabase> {
    const scratch = new ScratchDatabase(server);
    await scratch.onServer(`CREATE DATABASE ${scratch.name}`);
    await scratch.execute(...statements);
    return scratch;
  }

  get connection(): PgConnection {
    return withDatabase(parsePgUrl(endpoints[this.server].url), this.name);
  }

  get binDir(): string {
    return endpoints[this.server].binDir;
  }

  /** As another role, with its password. */
  connectionOf(user: string, password: string): PgConnection {
    return { ...this.connection, user, password };
  }

  /** Another, empty database on the same server. */
  async createDatabase(suffix: string): Promise<PgConnection> {
    const name = `${this.name}_${suffix}`;
    await this.onServer(`CREATE DATABASE ${name} TEMPLATE template0`);
    this.databases.push(name);
    return withDatabase(this.connection, name);
  }

  async createRole(suffix: string, attributes = ''): Promise<string> {
    const role = `spec_${this.id}_${suffix}`;
    await this.onServer(`CREATE ROLE ${role} ${attributes}`);
    this.roles.push(role);
    return role;
  }

  dataset(changes: Partial<PostgresDataset> = {}): PostgresDataset {
    return {
      ...{ name: 'shop', connection: this.connection, toolDirectories: [this.binDir] },
      ...{ fingerprintTables: ['*'], exactCountLimit: 1_000_000, migrationHeadQuery: undefined },
      tenantTables: undefined,
      ...{ compression: { level: 1, threads: 1 } },
      ...changes,
    };
  }

  /** Each statement by itself. */
  async execute(...statements: readonly string[]): Promise<void> {
    await onDatabase(this.connection, statements);
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return withPgSession(this.connection, session, (each) => each.query<Row>(text, values));
  }

  async drop(): Promise<void> {
    for (const name of this.databases) await this.onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    for (const role of this.roles) await this.onServer(`DROP ROLE IF EXISTS ${role}`);
  }

  async onServer(...statements: readonly string[]): Promise<void> {
    await onDatabase(parsePgUrl(endpoints[this.server].url), statements);
  }
}

const session = { signal, applicationName: 'spec' };

function onDatabase(connection: PgConnection, statements: readonly string[]): Promise<void> {
  return withPgSession(connection, session, async (each) => {
    for (const statement of statements) await each.query(statement);
  });
}
