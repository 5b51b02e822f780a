import type { SnapshotFacts, TableFacts } from '../../contracts/snapshot-facts.js';
import { type CountOptions, countTables } from './facts-counts.js';
import { readExtensions } from './facts-extensions.js';
import { readMigrationHead } from './facts-migration.js';
import { readObjects } from './facts-objects.js';
import { readPolicies } from './facts-policies.js';
import { readRoles } from './facts-roles.js';
import { readSchemaSha256 } from './facts-schema.js';
import { readSequences } from './facts-sequences.js';
import { type DatabaseFacts, readDatabase } from './facts-server.js';
import { readSettings } from './facts-settings.js';
import { listTables, type TableEntry } from './facts-tables.js';
import type { PgSession } from './pg-session.js';

export interface FactsOptions extends CountOptions {
  readonly migrationHeadQuery: string | undefined;
}

/** What is read first: the statement that fixes the snapshot, and what follows no snapshot. */
export interface FirstFacts {
  readonly database: DatabaseFacts;
  readonly tables: readonly TableEntry[];
  readonly sequences: SnapshotFacts['sequences'];
}

/**
 * All facts of the session's database, read in the session's transaction: the same code reads them at the backup and after
 * the restore. The session's settings must be pinned (`inReadOnlySnapshot`, `pinFactSettings`).
 */
export async function readSnapshotFacts(session: PgSession, o: FactsOptions): Promise<SnapshotFacts> {
  const database = await readDatabase(session);
  const tables = await listTables(session);
  return readRemainingFacts(session, { database, tables, sequences: await readSequences(session) }, o);
}

/** The long part: it counts and digests, and may take as long as a dump. */
export async function readRemainingFacts(
  session: PgSession,
  { database, tables, sequences }: FirstFacts,
  o: FactsOptions,
): Promise<SnapshotFacts> {
  const roles = await readRoles(session);
  return {
    ...database,
    sequences,
    roles,
    settings: await readSettings(session, roles),
    extensions: await readExtensions(session),
    objects: await readObjects(session),
    schemaSha256: await readSchemaSha256(session),
    migrationHead: await readMigrationHead(session, o.migrationHeadQuery),
    tables: await readTables(session, tables, o),
  };
}

/** Rows, content and row-level security of every table. */
export async function readTables(
  session: PgSession,
  tables: readonly TableEntry[],
  o: CountOptions,
): Promise<TableFacts[]> {
  const own = tables.filter(({ isExtensionConfig }) => !isExtensionConfig);
  const policies = await readPolicies(session);
  const counts = await countTables(session, own, o);
  return own.map(({ oid, name, rlsEnabled, rlsForced }) => {
    const count = counts.get(oid) ?? { rows: 0, rowsExact: true, fingerprint: null };
    return { name, ...count, rls: { enabled: rlsEnabled, forced: rlsForced, policies: policies.get(oid) ?? [] } };
  });
}
