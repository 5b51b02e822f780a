import { randomBytes, randomUUID } from 'node:crypto';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PgConnection, parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { identifier, sql } from '#common/pg/sql.js';
import { runCommand } from '#common/process/run-command.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ensureTemporal } from '#tools/services/temporal.js';

const { signal } = new AbortController();
const server = endpoints.postgres18;

/** Main and visibility store of one spec, with the tables that Temporal's own tool makes. */
export class TemporalDatabases {
  private constructor(readonly name: string) {}

  static async create(name = `spec_${randomBytes(4).toString('hex')}`): Promise<TemporalDatabases> {
    const databases = new TemporalDatabases(name);
    for (const [database, schema] of [
      [databases.name, 'temporal'],
      [databases.visibilityName, 'visibility'],
    ] as const) {
      await onServer(sql`CREATE DATABASE ${identifier(database)}`.text);
      await sqlTool(database, 'setup-schema', '-v', '0.0');
      await sqlTool(database, 'update-schema', '--schema-name', `postgresql/v12/${schema}`);
    }
    return databases;
  }

  get visibilityName(): string {
    return `${this.name}_visibility`;
  }

  /** Of the server, without a database. */
  get url(): string {
    return server.url.replace(/[/][^/]*$/, '');
  }

  get binDir(): string {
    return server.binDir;
  }

  get connection(): PgConnection {
    return parsePgUrl(server.url);
  }

  on<T>(database: string, work: (session: PgSession) => Promise<T>): Promise<T> {
    return withPgSession(withDatabase(this.connection, database), { signal, applicationName: 'spec' }, work);
  }

  /** One that is open, in both stores of a name: first where Temporal writes first. */
  async addExecution(name = this.name): Promise<void> {
    const [workflow, run, namespace] = [randomUUID(), randomUUID(), NAMESPACE];
    await this.on(name, (session) => session.query(OPEN, [namespace, workflow, run]));
    await this.on(`${name}_visibility`, (session) => session.query(LISTED, [namespace, workflow, run]));
  }

  async drop(name = this.name): Promise<void> {
    for (const each of [name, `${name}_visibility`])
      await onServer(sql`DROP DATABASE IF EXISTS ${identifier(each)} WITH (FORCE)`.text);
  }
}

const NAMESPACE = '3f2b1a90-8a5c-4c0e-9a7b-6d1e2f304152';

const OPEN = `
  WITH space AS (
    INSERT INTO namespaces (partition_id, id, name, notification_version, data, data_encoding, is_global)
    VALUES (54321, decode(replace($1, '-', ''), 'hex'), 'spec', 1, '', 'Proto3', false)
    ON CONFLICT DO NOTHING
  ), whole AS (
    INSERT INTO executions (
      shard_id, namespace_id, workflow_id, run_id, next_event_id, last_write_version, data, data_encoding, state, state_encoding
    )
    VALUES (1, decode(replace($1, '-', ''), 'hex'), $2, decode(replace($3, '-', ''), 'hex'), 1, 0, '', 'Proto3', '', 'Proto3')
  )
  INSERT INTO current_executions (
    shard_id, namespace_id, workflow_id, run_id, create_request_id, state, status, last_write_version
  )
  VALUES (1, decode(replace($1, '-', ''), 'hex'), $2, decode(replace($3, '-', ''), 'hex'), 'spec', 2, 1, 0)`;

const LISTED = `
  INSERT INTO executions_visibility (
    namespace_id, run_id, start_time, execution_time, workflow_id, workflow_type_name, status, encoding
  )
  VALUES ($1, $3, now(), now(), $2, 'spec', 1, '')`;

const onServer = (statement: string): Promise<unknown> =>
  withPgSession(parsePgUrl(server.url), { signal, applicationName: 'spec' }, (session) => session.query(statement));

/** Source: docs.temporal.io "Self-hosted Temporal Service: upgrade the schema". */
async function sqlTool(database: string, ...args: readonly string[]): Promise<void> {
  const { sqlTool: program } = await ensureTemporal(() => undefined);
  const { host, port, user, password } = server;
  const place = ['--plugin', 'postgres12', '--endpoint', host, '--port', String(port), '--user', user];
  const env = { SQL_PASSWORD: password };
  await runCommand({ program, args: [...place, '--database', database, ...args], env }, { signal });
}
