import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import { identifier, joined, literal, type Sql, sql } from '#common/pg/sql.js';
import { toRestoreName } from './sessions.js';

/** A database under construction carries this name, so that the wanted name only ever means a whole database. */
const scratchPrefix = ({ runId }: AttemptIdentity): string => `holdfast_${runId.replaceAll('-', '')}_a`;
export const toScratchName = (identity: AttemptIdentity): string => `${scratchPrefix(identity)}${identity.attempt}`;

export async function databaseExists(session: PgSession, database: string): Promise<boolean> {
  const rows = await session.query('SELECT FROM pg_database WHERE datname = $1', [database]);
  return rows.length === 1;
}

/** The number of a database, which it keeps under every name; null: there is none of this name. */
export async function findDatabaseOid(session: PgSession, database: string): Promise<string | null> {
  const [row] = await session.query<{ oid: string }>('SELECT oid::text FROM pg_database WHERE datname = $1', [
    database,
  ]);
  return row?.oid ?? null;
}

/** An empty database like the one that was backed up; what earlier attempts left under construction is dropped. */
export async function createScratch(
  session: PgSession,
  facts: SnapshotFacts,
  target: PostgresTarget,
  identity: AttemptIdentity,
): Promise<string> {
  await dropScratches(session, identity);
  const name = toScratchName(identity);
  const owner = databaseOwnerOf(facts, target);
  const ownership = owner === undefined ? sql`` : sql`OWNER ${identifier(owner)}`;
  await session.query(
    sql`CREATE DATABASE ${identifier(name)} TEMPLATE template0 ${toLocale(facts, session.serverMajor)} ${ownership}`,
  );
  return name;
}

/** By default a new database would get the server's own locale, and with it another order of text. */
function toLocale(facts: SnapshotFacts, serverMajor: number): Sql {
  const { encoding, collation, characterType, localeProvider = 'libc', locale, localeRules } = facts;
  const options = [
    sql`ENCODING ${literal(encoding)}`,
    sql`LC_COLLATE ${literal(collation)}`,
    sql`LC_CTYPE ${literal(characterType ?? collation)}`,
  ];
  if (serverMajor >= 15) options.push(sql`LOCALE_PROVIDER ${identifier(localeProvider)}`);
  if (localeProvider === 'icu' && locale) options.push(sql`ICU_LOCALE ${literal(locale)}`);
  if (localeRules) options.push(sql`ICU_RULES ${literal(localeRules)}`);
  if (localeProvider === 'builtin' && locale) options.push(sql`BUILTIN_LOCALE ${literal(locale)}`);
  return joined(options, sql` `);
}

/** Of all attempts of the run. */
export async function dropScratches(session: PgSession, identity: AttemptIdentity): Promise<void> {
  const rows = await session.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
    [scratchPrefix(identity)],
  );
  for (const { name } of rows) await session.query(sql`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
}

/** How long an attempt that failed or was stopped may tidy up; what it leaves, the next attempt drops. */
const TIDY_MS = 30_000;

/** Drops what this attempt left under construction, on a session of its own: the attempt's are gone when it was aborted. */
export async function dropOwnScratch(target: PostgresTarget, identity: AttemptIdentity): Promise<void> {
  const options = { signal: AbortSignal.timeout(TIDY_MS), applicationName: `holdfast tidy ${identity.runId}` };
  await withPgSession(serverOf(target), options, (session) =>
    session.query(sql`DROP DATABASE IF EXISTS ${identifier(toScratchName(identity))} WITH (FORCE)`),
  );
}

/**
 * Gives the finished database its settings and rights, its comment and its name. The rename is the moment at which it exists.
 * Throws: restore.database-exists.
 */
export async function publishScratch(
  session: PgSession,
  names: { readonly scratch: string; readonly database: string },
  statements: readonly Sql[],
): Promise<void> {
  for (const statement of statements) await session.query(statement);
  try {
    await session.query(sql`ALTER DATABASE ${identifier(names.scratch)} RENAME TO ${identifier(names.database)}`);
  } catch (error) {
    if (!(await databaseExists(session, names.database))) throw error;
    throw new AppError(
      'restore.database-exists',
      `database "${names.database}" was created meanwhile`,
      {},
      { cause: error },
    );
  }
}

/** Fresh statistics, or the first queries after a restore are the slowest ones. */
export const analyze = (
  connection: PgConnection,
  database: string,
  identity: AttemptIdentity,
  signal: AbortSignal,
): Promise<unknown> =>
  withPgSession(withDatabase(connection, database), { signal, applicationName: toRestoreName(identity) }, (session) =>
    session.query('ANALYZE'),
  );

const databaseOwnerOf = (facts: SnapshotFacts, target: PostgresTarget): string | undefined =>
  target.privileges === 'keep' ? facts.databaseOwner : target.owner;
