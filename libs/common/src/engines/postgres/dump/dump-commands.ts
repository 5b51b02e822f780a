import { KEEPALIVES } from '#common/engines/postgres/pg-liveness.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import { toConnInfo, toPgEnvironment } from '#common/pg/environment.js';
import type { Command } from '#common/process/command.js';

/** What the dump needs of one installation. */
export const DUMP_TOOLS = ['pg_dump', 'pg_dumpall'] as const;

/**
 * The archive of one database, uncompressed: zstd beside it is faster than any compression inside.
 * Every table is locked by us already, so pg_dump can wait for one thing only: a session whose ALTER TABLE waits for us, in
 * front of it in the queue. The server would never notice that circle; the short lock timeout ends it.
 */
export function toDumpCommand(dataset: PostgresDataset, tools: PgToolset, o: DumpCommandOptions): Command {
  return {
    program: tools.path('pg_dump'),
    args: ['--format=custom', '--compress=0', '--no-password', `--snapshot=${o.snapshot}`, '--lock-wait-timeout=5000'],
    env: toPgEnvironment(dataset.connection, o.applicationName, KEEPALIVES),
  };
}

export interface DumpCommandOptions {
  readonly snapshot: string;
  readonly applicationName: string;
}

/** Roles, memberships and their settings of the whole server; without passwords, so that no superuser is needed. */
export function toGlobalsCommand(connection: PgConnection, tools: PgToolset, applicationName: string): Command {
  return {
    program: tools.path('pg_dumpall'),
    args: [
      ...['--roles-only', '--no-role-passwords', '--encoding=UTF8', '--no-password'],
      `--database=${toConnInfo(connection.database)}`,
    ],
    // It takes no database from the environment. Until when a role is valid must read alike on every server.
    env: toPgEnvironment(withDatabase(connection, ''), applicationName, { datestyle: 'ISO', timezone: 'UTC' }),
  };
}
