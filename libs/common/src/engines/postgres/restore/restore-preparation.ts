import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { readObjects } from '#common/engines/postgres/facts/facts-objects.js';
import { pinFactSettings } from '#common/engines/postgres/facts/facts-session.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { plainDefaultPrivileges } from './restore-default-privileges.js';
import { dropStatements, lockStatements } from './restore-drops.js';
import { configRowStatements, extensionSchemas, extensionStatements } from './restore-extensions.js';
import { findDoomed } from './restore-preview.js';
import { toPrivilegeStatements } from './restore-privileges.js';
import { settingStatements } from './restore-settings.js';
import { quoteIdentifier, quoteLiteral, unquoteIdentifier } from './restore-sql.js';

/** What an archive needs around it, and does not bring itself. */
export interface Preparation {
  /** Run before the archive, by the administrator. */
  readonly statements: readonly string[];
  /** Schemas that are there when the archive comes: it must not create or drop them. */
  readonly presentSchemas: readonly string[];
  /** Whether the server has tablespaces besides its own. */
  readonly hasTablespaces: boolean;
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
      ...(hasPublic || present.includes('public') ? [] : ['DROP SCHEMA public']),
      ...(await extensionStatements(session, facts)),
      ...present.flatMap((schema) => ownerStatement(schema, facts, target)),
    ],
    presentSchemas: present,
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
): Promise<Preparation> {
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
      ...(await configRowStatements(session)),
      ...present.flatMap((schema) => ownerStatement(schema, facts, target)),
      ...(isKept
        ? wanted.flatMap(({ before, present: privileges }) =>
            toPrivilegeStatements({
              on: `SCHEMA ${before.identity}`,
              owner: before.owner,
              present: privileges,
              wanted: before.privileges,
            }),
          )
        : []),
      ...(await databaseStatements(session, facts, target, database)),
    ],
    presentSchemas: present,
    hasTablespaces: await hasTablespaces(session),
  };
}

/** Settings of the database and, where owners and privileges come back, its owner and who may connect. */
export async function databaseStatements(
  session: PgSession,
  facts: SnapshotFacts,
  target: PostgresTarget,
  database: string,
): Promise<string[]> {
  const settings = settingStatements(facts, database, target.privileges);
  if (target.privileges === 'drop') return settings;
  const { databaseOwner: owner, databasePrivileges } = facts;
  const on = `DATABASE ${quoteIdentifier(database)}`;
  const rights =
    databasePrivileges === undefined
      ? []
      : toPrivilegeStatements({
          ...{ on, owner, wanted: databasePrivileges },
          present: await databasePrivilegesOf(session, database),
        });
  return [...settings, `ALTER ${on} OWNER TO ${quoteIdentifier(owner)}`, ...rights];
}

async function databasePrivilegesOf(session: PgSession, database: string): Promise<string[]> {
  const rows = await session.query<{ privilege: string }>(
    `SELECT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END
       || '=' || a.privilege_type || '/' || pg_get_userbyid(a.grantor)::text AS privilege
     FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a WHERE d.datname = $1`,
    [database],
  );
  return rows.map(({ privilege }) => privilege);
}

async function hasTablespaces(session: PgSession): Promise<boolean> {
  const rows = await session.query(`SELECT FROM pg_tablespace WHERE spcname !~ '^pg_'`);
  return rows.length > 0;
}

async function schemaNames(session: PgSession): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`,
  );
  return rows.map(({ name }) => name);
}

/** Owners of schemas that are there before the archive, as the backup or the target says. */
function ownerStatement(schema: string, facts: SnapshotFacts, { privileges, owner }: PostgresTarget): string[] {
  const before = facts.objects.find(
    ({ kind, identity }) => kind === 'schema' && unquoteIdentifier(identity) === schema,
  );
  // `public` is the server's; whoever owns the database may use it.
  const ofTarget = schema === 'public' ? undefined : owner;
  const wanted = privileges === 'keep' ? before?.owner : ofTarget;
  if (before === undefined || wanted === undefined) return [];
  return [
    `DO $owner$ BEGIN
      IF (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = ${quoteLiteral(schema)}) <> ${quoteLiteral(wanted)} THEN
        ALTER SCHEMA ${quoteIdentifier(schema)} OWNER TO ${quoteIdentifier(wanted)};
      END IF;
    END $owner$`,
  ];
}
