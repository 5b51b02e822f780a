import type { LargeObjectFacts, PolicyFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { readDefinitionLines } from './definitions/definitions.js';
import { packDefinitions } from './definitions/packing.js';
import type { TableCount } from './facts-counts.js';
import { readExtensions } from './facts-extensions.js';
import { readLargeObjects } from './facts-large-object-ranges.js';
import { readMemberships } from './facts-memberships.js';
import { readMigrationHead } from './facts-migration.js';
import { readObjects } from './facts-objects.js';
import { readCollations, readTablespaces } from './facts-places.js';
import { readPolicies } from './facts-policies.js';
import { readRoles } from './facts-roles.js';
import { readSchemaSha256 } from './facts-schema.js';
import { readSequences } from './facts-sequences.js';
import { type DatabaseFacts, readDatabase } from './facts-server.js';
import { readSettings } from './facts-settings.js';
import { listTables, type TableEntry } from './facts-tables.js';
import { readRestoreWarnings } from './unsafe-functions.js';

type Section =
  | ('sequences' | 'roles' | 'memberships' | 'settings' | 'extensions' | 'collations' | 'tablespaces')
  | ('objects' | 'definitions' | 'schemaSha256' | 'warnings' | 'migrationHead');

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
    policies: await readPolicies(session),
    sequences: await readSequences(session),
    settings: await readSettings(session, roles),
    extensions: await readExtensions(session),
    collations: await readCollations(session),
    tablespaces: await readTablespaces(session),
    objects: await readObjects(session),
    schemaSha256: await readSchemaSha256(session),
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
