import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { readObjects } from '#common/engines/postgres/facts/objects.js';
import { pinFactSettings } from '#common/engines/postgres/facts/pinned-session.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { body, identifier, literal, printed, type Sql, sql, unquoteIdentifier } from '#common/pg/sql.js';
import { findDoomed } from '../preview/preview.js';
import { plainDefaultPrivileges } from './default-privileges.js';
import { dropStatements, lockStatements } from './drops.js';
import { quietStatements } from './event-triggers.js';
import { CONFIG_ROWS, extensionSchemas, extensionStatements } from './extensions.js';
import { toPrivilegeStatements } from './privileges.js';
import { settingStatements } from './settings.js';
import { hasTablespaces } from './tablespaces.js';
import type { ArchivedSchema } from './toc.js';

/** What an archive needs around it, and does not bring itself. */
export interface Preparation {
  /** Run before the archive, by the administrator. */
  readonly statements: readonly Sql[];
  /** Schemas of the archive that are there before it: it must not create or drop them. */
  readonly presentSchemas: readonly ArchivedSchema[];
  /** Whether the server has tablespaces besides its own. */
  readonly hasTablespaces: boolean;
}

export interface PreparationInUse extends Preparation {
  /** Run before anything else, so that no event trigger fires. */
  readonly quiet: readonly Sql[];
  /** Identities of what is dropped, and locked before. */
  readonly doomed: readonly string[];
}

/** For an empty database: the extensions and where they live. */
export async function prepareEmpty(
  session: PgSession,
  facts: SnapshotFacts,
  target: PostgresTarget,
): Promise<Preparation> {
  const present = extensionSchemas(facts);
  const hasPublic = facts.objects.some(({ kind, identity }) => kind === 'schema' && identity === 'public');
  return {
    statements: [
      ...(hasPublic || present.includes('public') ? [] : [sql`DROP SCHEMA public`]),
      ...(await extensionStatements(session, facts)),
      ...present.flatMap((schema) => ownerStatement(schema, facts, target)),
    ],
    presentSchemas: archivedSchemas(present, facts),
    hasTablespaces: await hasTablespaces(session),
  };
}

/**
 * For a database in use: waits for its tables, drops what the backup will bring, and makes of schemas, settings and rights what the
 * backup says. The statements belong into the transaction that restores.
 */
export async function prepareInUse(
  session: PgSession,
  facts: SnapshotFacts,
  target: PostgresTarget,
): Promise<PreparationInUse> {
  await pinFactSettings(session);
  const { database } = session.connection;
  const objects = await readObjects(session);
  const doomed = findDoomed(objects, facts.objects);
  const schemas = objects.filter(({ kind }) => kind === 'schema');
  const present = [...new Set([...(await schemaNames(session)), ...extensionSchemas(facts)])];
  const known = new Map(facts.objects.filter(({ kind }) => kind === 'schema').map((each) => [each.identity, each]));
  const wanted = schemas.flatMap((schema) => {
    const before = known.get(schema.identity);
    return before === undefined ? [] : [{ before, present: schema.privileges }];
  });
  const isKept = target.privileges === 'keep';
  return {
    statements: [
      ...lockStatements(doomed),
      ...(isKept ? await plainDefaultPrivileges(session) : []),
      ...dropStatements(doomed),
      ...(await extensionStatements(session, facts)),
      CONFIG_ROWS,
      ...present.flatMap((schema) => ownerStatement(schema, facts, target)),
      ...(isKept
        ? wanted.flatMap(({ before, present: privileges }) =>
            toPrivilegeStatements({
              on: sql`SCHEMA ${printed(before.identity)}`,
              owner: before.owner,
              present: privileges,
              wanted: before.privileges,
            }),
          )
        : []),
      ...(await databaseStatements(session, facts, target, database)),
    ],
    quiet: await quietStatements(session),
    doomed: doomed.map(({ identity }) => identity),
    presentSchemas: archivedSchemas(present, facts),
    hasTablespaces: await hasTablespaces(session),
  };
}

/** For chosen tables beside other data: only they are dropped, with their own sequences, and nothing else of the database changes. */
export async function prepareParts(session: PgSession, facts: SnapshotFacts): Promise<PreparationInUse> {
  await pinFactSettings(session);
  const objects = await readObjects(session);
  const doomed = findDoomed(objects, facts.objects);
  return {
    statements: [...lockStatements(doomed), ...dropStatements(doomed)],
    quiet: await quietStatements(session),
    doomed: doomed.map(({ identity }) => identity),
    presentSchemas: [],
    hasTablespaces: await hasTablespaces(session),
  };
}

/** Settings, comment and connection limit of the database and, where owners and privileges come back, its owner and who may connect. */
export async function databaseStatements(
  session: PgSession,
  facts: SnapshotFacts,
  target: PostgresTarget,
  database: string,
): Promise<Sql[]> {
  const settings = [
    ...settingStatements(facts, database, target.privileges),
    ...(await propertyStatements(session, facts, database)),
  ];
  if (target.privileges === 'drop') return settings;
  const { databaseOwner: owner, databasePrivileges } = facts;
  const on = sql`DATABASE ${identifier(database)}`;
  const present = await databasePrivilegesOf(session, database);
  const rights = toPrivilegeStatements({ on, owner, wanted: databasePrivileges, present });
  return [...settings, sql`ALTER ${on} OWNER TO ${identifier(owner)}`, ...rights];
}

/** Only what is to be another one: both take an owner of the database. */
async function propertyStatements(session: PgSession, facts: SnapshotFacts, database: string): Promise<Sql[]> {
  const { databaseComment: comment, connectionLimit: limit } = facts;
  const present = await session.queryOne<{ comment: string | null; limit: number }>(
    `SELECT shobj_description(oid, 'pg_database') AS comment, datconnlimit AS "limit" FROM pg_database WHERE datname = $1`,
    [database],
  );
  const on = sql`DATABASE ${identifier(database)}`;
  return [
    ...(comment === present.comment
      ? []
      : [sql`COMMENT ON ${on} IS ${comment === null ? sql`NULL` : literal(comment)}`]),
    ...(limit === present.limit ? [] : [sql`ALTER ${on} CONNECTION LIMIT ${limit}`]),
  ];
}

export async function databasePrivilegesOf(session: PgSession, database: string): Promise<string[]> {
  const rows = await session.query<{ privilege: string }>(
    `SELECT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END
       || '=' || a.privilege_type || '/' || pg_get_userbyid(a.grantor)::text AS privilege
     FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a WHERE d.datname = $1`,
    [database],
  );
  return rows.map(({ privilege }) => privilege);
}

async function schemaNames(session: PgSession): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`,
  );
  return rows.map(({ name }) => name);
}

function archivedSchemas(present: readonly string[], { objects }: SnapshotFacts): ArchivedSchema[] {
  const schemas = objects.filter(({ kind }) => kind === 'schema');
  return schemas
    .map(({ identity, owner }) => ({ name: unquoteIdentifier(identity), owner }))
    .filter(({ name }) => present.includes(name));
}

/** Owners of schemas that are there before the archive, as the backup or the target says. */
function ownerStatement(schema: string, facts: SnapshotFacts, { privileges, owner }: PostgresTarget): Sql[] {
  const before = facts.objects.find(
    ({ kind, identity }) => kind === 'schema' && unquoteIdentifier(identity) === schema,
  );
  // `public` is the server's; the owner of the database may use it.
  const ofTarget = schema === 'public' ? undefined : owner;
  const wanted = privileges === 'keep' ? before?.owner : ofTarget;
  if (before === undefined || wanted === undefined) return [];
  return [
    sql`DO ${body(sql`BEGIN
      IF (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = ${literal(schema)}) <> ${literal(wanted)} THEN
        ALTER SCHEMA ${identifier(schema)} OWNER TO ${identifier(wanted)};
      END IF;
    END`)}`,
  ];
}
