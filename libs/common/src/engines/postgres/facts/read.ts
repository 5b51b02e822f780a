import type { LargeObjectFacts, PolicyFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { TableCount } from './counts.js';
import { readDefinitionLines } from './definitions/definitions.js';
import { packDefinitions } from './definitions/packing.js';
import { readExtensions } from './extensions.js';
import { readLargeObjects } from './large-object-ranges.js';
import { readMemberships } from './memberships.js';
import { readMigrationHead } from './migration.js';
import { readObjects } from './objects.js';
import { readCollations, readTablespaces } from './places.js';
import { readPolicies } from './policies.js';
import { readRoles, readUnboundRoles } from './roles.js';
import { readSequences } from './sequences.js';
import { type DatabaseFacts, readDatabase } from './server.js';
import { readSettings } from './settings.js';
import { listTables, type TableEntry } from './tables.js';
import { readRestoreWarnings } from './unsafe-functions.js';

type Section =
  | ('sequences' | 'roles' | 'unboundRoles' | 'memberships' | 'settings' | 'extensions' | 'collations' | 'tablespaces')
  | ('objects' | 'definitions' | 'warnings' | 'migrationHead');

/** What the system catalogs say: read in milliseconds, whatever the size of the tables. */
export interface CatalogFacts extends Pick<SnapshotFacts, Section> {
  readonly largeObjects: LargeObjectFacts[];
  readonly database: DatabaseFacts;
  readonly tables: readonly TableEntry[];
  readonly policies: ReadonlyMap<string, readonly PolicyFacts[]>;
}

/** Read in the session's transaction. The session's settings must be pinned (`inReadOnlySnapshot`, `pinFactSettings`). */
export async function readCatalogFacts(
  session: PgSession,
  migrationHeadQuery: string | undefined,
): Promise<CatalogFacts> {
  const database = await readDatabase(session);
  const tables = await listTables(session);
  const roles = await readRoles(session);
  return {
    ...{ database, tables, roles },
    unboundRoles: await readUnboundRoles(session, roles),
    policies: await readPolicies(session),
    sequences: await readSequences(session),
    settings: await readSettings(session, roles),
    extensions: await readExtensions(session),
    collations: await readCollations(session),
    tablespaces: await readTablespaces(session),
    objects: await readObjects(session),
    definitions: packDefinitions(await readDefinitionLines(session)),
    largeObjects: await readLargeObjects(session),
    memberships: await readMemberships(session, roles),
    warnings: await readRestoreWarnings(session),
    migrationHead: await readMigrationHead(session, migrationHeadQuery),
  };
}

const NOT_COUNTED: TableCount = { rows: 0, rowsExact: false, fingerprint: null };

/** An extension's own tables are not among the facts: it may bring other rows in another version. */
export function toSnapshotFacts(
  { database, tables, policies, ...catalog }: CatalogFacts,
  counts: ReadonlyMap<string, TableCount>,
): SnapshotFacts {
  const own = tables.filter(({ isExtensionConfig }) => !isExtensionConfig);
  return {
    ...database,
    ...catalog,
    tables: own.map(({ oid, name, rlsEnabled, rlsForced }) => ({
      name,
      ...(counts.get(oid) ?? NOT_COUNTED),
      rls: { enabled: rlsEnabled, forced: rlsForced, policies: [...(policies.get(oid) ?? [])] },
    })),
  };
}
