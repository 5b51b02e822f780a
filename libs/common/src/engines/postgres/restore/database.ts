import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import { identifier, joined, literal, type Sql, sql } from '#common/pg/sql.js';
import { toRestoreName } from './sessions.js';

/** Whose a database under construction is; an attempt that builds several names its parts, in small letters. */
export interface ScratchIdentity extends AttemptIdentity {
  readonly part?: string;
}

/** A database under construction carries this name, so that the wanted name only ever means a whole database. */
const scratchPrefix = ({ runId }: AttemptIdentity): string => `holdfast_${runId.replaceAll('-', '')}_a`;
const partSuffix = ({ part }: ScratchIdentity): string => (part === undefined ? '' : `_${part}`);
export const toScratchName = (identity: ScratchIdentity): string =>
  `${scratchPrefix(identity)}${identity.attempt}${partSuffix(identity)}`;

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
  identity: ScratchIdentity,
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

/** Of all attempts of the run; where a part is named, of that part alone. */
export async function dropScratches(session: PgSession, identity: ScratchIdentity): Promise<void> {
  const rows = await session.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) AND right(datname, length($2)) = $2',
    [scratchPrefix(identity), partSuffix(identity)],
  );
  for (const { name } of rows) await session.query(sql`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
}

/** How long an attempt that failed or was stopped may tidy up; what it leaves, the next attempt drops. */
const TIDY_MS = 30_000;

/** Drops what this attempt left under construction, on a session of its own: the attempt's are gone when it was aborted. */
export async function dropOwnScratch(target: PostgresTarget, identity: ScratchIdentity): Promise<void> {
  const options = { signal: AbortSignal.timeout(TIDY_MS), applicationName: `holdfast tidy ${identity.runId}` };
  await withPgSession(serverOf(target), options, (session) =>
    session.query(sql`DROP DATABASE IF EXISTS ${identifier(toScratchName(identity))} WITH (FORCE)`),
  );
}

/** A database that is whole, under the name of its attempt. */
export interface BuiltScratch {
  readonly scratch: string;
  /** What it will be called. */
  readonly database: string;
  /** Its number, which it keeps under every name. */
  readonly oid: string | null;
  /** Its settings and rights. */
  readonly statements: readonly Sql[];
  /** Complaints known to be harmless. */
  readonly complaints: readonly string[];
  /** Where a database goes that has the name: away under this one. Undefined: none may have it. */
  readonly aside?: string | undefined;
}

/** Drops a database that still has the number it was made with: another of its name stays. Throws: postgres.*. */
export function dropByOid(
  target: PostgresTarget,
  { database, oid }: { readonly database: string; readonly oid: string },
  signal: AbortSignal,
): Promise<void> {
  return withPgSession(serverOf(target), { signal, applicationName: 'holdfast discard' }, async (session) => {
    if ((await findDatabaseOid(session, database)) !== oid) return;
    await session.query(sql`DROP DATABASE IF EXISTS ${identifier(database)} WITH (FORCE)`);
  });
}

/**
 * Gives finished databases their settings and rights, their comments, and then all of them their names in one transaction. That is the moment at
 * which they exist. Throws: restore.database-exists; postgres.*.
 */
export async function publishScratches(session: PgSession, built: readonly BuiltScratch[]): Promise<void> {
  for (const { statements } of built) for (const statement of statements) await session.query(statement);
  await session.query('BEGIN');
  try {
    for (const { scratch, database, aside } of built) {
      if (aside !== undefined && (await databaseExists(session, database))) await rename(session, database, aside);
      await rename(session, scratch, database);
    }
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK');
    for (const { database, aside } of built) {
      if (aside !== undefined || !(await databaseExists(session, database))) continue;
      const message = `database "${database}" was created meanwhile`;
      throw new AppError('restore.database-exists', message, {}, { cause: error });
    }
    throw error;
  }
}

const rename = (session: PgSession, from: string, to: string): Promise<unknown> =>
  session.query(sql`ALTER DATABASE ${identifier(from)} RENAME TO ${identifier(to)}`);

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
