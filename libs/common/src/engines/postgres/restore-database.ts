import type { SnapshotFacts } from '../../contracts/snapshot-facts.js';
import { AppError } from '../../errors/app-error.js';
import { type PgConnection, withDatabase } from './pg-connection.js';
import { type PgSession, withPgSession } from './pg-session.js';
import type { PostgresTarget } from './postgres-dataset.js';
import { type RestoreIdentity, toRestoreName } from './restore-lock.js';
import { quoteIdentifier } from './restore-roles.js';

/** A database under construction carries this name, so that the wanted name only ever means a whole database. */
const scratchPrefix = ({ runId }: RestoreIdentity): string => `holdfast_${runId.replaceAll('-', '')}_a`;
const toScratchName = (identity: RestoreIdentity): string => `${scratchPrefix(identity)}${identity.attempt}`;
const toMark = ({ runId }: RestoreIdentity): string => `restored by holdfast run ${runId}`;

export async function databaseExists(session: PgSession, database: string): Promise<boolean> {
  const rows = await session.query('SELECT FROM pg_database WHERE datname = $1', [database]);
  return rows.length === 1;
}

/** Whether an earlier attempt of the same run finished the database before it could say so. */
export async function isOwnResult(session: PgSession, database: string, identity: RestoreIdentity): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_database WHERE datname = $1 AND shobj_description(oid, 'pg_database') = $2`,
    [database, toMark(identity)],
  );
  return rows.length === 1;
}

/** An empty database like the one that was backed up; what earlier attempts left under construction is dropped. */
export async function createScratch(
  session: PgSession,
  facts: SnapshotFacts,
  target: PostgresTarget,
  identity: RestoreIdentity,
): Promise<string> {
  await dropScratches(session, identity);
  const name = toScratchName(identity);
  const owner = ownerOf(facts, target);
  await session.query(
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING ${quoteLiteral(facts.encoding)}
     LC_COLLATE ${quoteLiteral(facts.collation)} LC_CTYPE ${quoteLiteral(facts.collation)}
     ${owner === undefined ? '' : `OWNER ${quoteIdentifier(owner)}`}`,
  );
  return name;
}

export async function dropScratches(session: PgSession, identity: RestoreIdentity): Promise<void> {
  const rows = await session.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
    [scratchPrefix(identity)],
  );
  for (const { name } of rows) await session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
}

/** Gives the finished database its settings, its mark and its name. The rename is the moment at which it exists. Throws: restore.database-exists. */
export async function publishScratch(
  session: PgSession,
  names: { readonly scratch: string; readonly database: string },
  facts: SnapshotFacts,
  identity: RestoreIdentity,
): Promise<void> {
  await applySettings(session, names.scratch, facts);
  await session.query(`COMMENT ON DATABASE ${quoteIdentifier(names.scratch)} IS ${quoteLiteral(toMark(identity))}`);
  try {
    await session.query(
      `ALTER DATABASE ${quoteIdentifier(names.scratch)} RENAME TO ${quoteIdentifier(names.database)}`,
    );
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

/** Settings of the database, and of roles in this database; those of roles alone belong to the server. */
async function applySettings(session: PgSession, database: string, facts: SnapshotFacts): Promise<void> {
  for (const { database: of, role, setting } of facts.settings) {
    if (of === null) continue;
    const [name = '', ...value] = setting.split('=');
    const scope =
      role === null
        ? `DATABASE ${quoteIdentifier(database)}`
        : `ROLE ${quoteIdentifier(role)} IN DATABASE ${quoteIdentifier(database)}`;
    await session.query(
      `ALTER ${scope} SET ${name.split('.').map(quoteIdentifier).join('.')} TO ${toSettingValue(name, value.join('='))}`,
    );
  }
}

/** Lists such as search_path are stored as they were quoted; everything else is one literal. Source: pg_dump's makeAlterConfigCommand. */
const LISTS = new Set(['search_path', 'session_preload_libraries', 'local_preload_libraries', 'temp_tablespaces']);
const toSettingValue = (name: string, value: string): string =>
  LISTS.has(name.toLowerCase()) && value !== '' ? value : quoteLiteral(value);

/** Extensions are the administrator's: the role that will own the data may not be allowed to create them. */
export async function createExtensions(
  connection: PgConnection,
  facts: SnapshotFacts,
  signal: AbortSignal,
  identity: RestoreIdentity,
): Promise<void> {
  const wanted = facts.extensions.filter(({ name }) => name !== 'plpgsql');
  if (wanted.length === 0) return;
  await withPgSession(connection, { signal, applicationName: toRestoreName(identity) }, async (session) => {
    for (const { name, schema } of wanted) {
      await session.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
      await session.query(`CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)} SCHEMA ${quoteIdentifier(schema)}`);
    }
  });
}

/** Fresh statistics, or the first queries after a restore are the slowest ones. */
export const analyze = (
  connection: PgConnection,
  database: string,
  identity: RestoreIdentity,
  signal: AbortSignal,
): Promise<unknown> =>
  withPgSession(withDatabase(connection, database), { signal, applicationName: toRestoreName(identity) }, (session) =>
    session.query('ANALYZE'),
  );

export const ownerOf = (facts: SnapshotFacts, target: PostgresTarget): string | undefined =>
  target.privileges === 'keep' ? facts.databaseOwner : target.owner;

const quoteLiteral = (text: string): string =>
  `${text.includes('\\') ? ' E' : ''}'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
