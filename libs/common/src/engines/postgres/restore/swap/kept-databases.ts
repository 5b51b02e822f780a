import type { AttemptIdentity } from '#common/engines/engine.js';
import type { KeptOptions, KeptPlace, KeptPlaces } from '#common/engines/kept.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { databaseExists } from '#common/engines/postgres/restore/database.js';
import { lockDatabase } from '#common/engines/postgres/restore/lock.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, literal, type Sql, sql } from '#common/pg/sql.js';
import { exchange } from './exchange.js';

/** Of one run: a later attempt finds the name taken only when the exchange was made. */
export const toKeptName = ({ runId }: Pick<AttemptIdentity, 'runId'>): string =>
  `holdfast_kept_${runId.replaceAll('-', '')}`;

/** Written into the settings of the database, for they come and go within a transaction and leave its comment as it was. */
const MARK = 'holdfast.kept';

const KEPT_AT = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

/** Says what the database was called and since when it is kept: part of the transaction that renames it. */
export async function toMark(session: PgSession, kept: string, database: string): Promise<Sql> {
  const { keptAt } = await session.queryOne<{ keptAt: string }>(`SELECT ${KEPT_AT} AS "keptAt"`);
  return sql`ALTER DATABASE ${identifier(kept)} SET holdfast.kept TO ${literal(JSON.stringify({ database, keptAt }))}`;
}

const toUnmark = (database: string): Sql => sql`ALTER DATABASE ${identifier(database)} RESET holdfast.kept`;

/** A setting that no other database takes over. */
export const isMark = (setting: string): boolean => setting.startsWith(`${MARK}=`);

interface MarkedDatabase {
  readonly name: string;
  readonly mark: string;
  readonly sizeBytes: string | null;
  readonly now: string;
}

const LIST = `
  SELECT d.datname::text AS name, substr(setting, length($1) + 2) AS mark, ${KEPT_AT} AS now,
    CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
      THEN pg_database_size(d.oid)::text END AS "sizeBytes"
  FROM pg_database d
  JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0
  CROSS JOIN LATERAL unnest(s.setconfig) AS setting
  WHERE d.datname ~ '^holdfast_kept_[0-9a-f]{32}$' AND starts_with(setting, $1 || '=')
  ORDER BY 2`;

export async function listKept(session: PgSession): Promise<KeptPlace[]> {
  const rows = await session.query<MarkedDatabase>(LIST, [MARK]);
  return rows.flatMap((row) => toKept(row)).sort((one, other) => other.ageDays - one.ageDays);
}

function toKept({ name, mark, sizeBytes, now }: MarkedDatabase): KeptPlace[] {
  const { database, keptAt } = readMark(mark);
  if (database === undefined || keptAt === undefined) return [];
  const ageDays = (Date.parse(now) - Date.parse(keptAt)) / 86_400_000;
  return [{ name, destination: database, keptAt, ageDays, sizeBytes: sizeBytes === null ? null : Number(sizeBytes) }];
}

/** A person may have written there too. */
function readMark(text: string): { readonly database?: string; readonly keptAt?: string } {
  try {
    const { database, keptAt } = JSON.parse(text) as Record<string, unknown>;
    return typeof database === 'string' && typeof keptAt === 'string' && !Number.isNaN(Date.parse(keptAt))
      ? { database, keptAt }
      : {};
  } catch {
    return {};
  }
}

/** Databases that restores by `swap` put aside. */
export const keptDatabases: KeptPlaces<PostgresTarget> = {
  list: (target, signal) =>
    withPgSession(serverOf(target), { signal, applicationName: 'holdfast kept' }, (session) => listKept(session)),

  release: (target, kept, o) =>
    whileLocked(target, kept, o, async (lock) => {
      await lock.query(sql`DROP DATABASE ${identifier(kept.name)} WITH (FORCE)`);
    }),

  bringBack: (target, kept, o) =>
    whileLocked(target, kept, o, async (lock) => {
      const { name, destination: database } = kept;
      const { identity, signal } = o;
      if (!(await databaseExists(lock, database))) {
        const statements = [toUnmark(database)];
        return exchange({ target, identity, lock, renames: [{ from: name, to: database }], statements }, signal);
      }
      const between = toKeptName(identity);
      const renames = [
        { from: database, to: between },
        { from: name, to: database },
        { from: between, to: name },
      ];
      const statements = [toUnmark(database), await toMark(lock, name, database)];
      return exchange({ target, identity, lock, renames, statements }, signal);
    }),
};

/** Keeps every restore out of the destination, then looks whether the database is still kept. */
async function whileLocked(
  target: PostgresTarget,
  { name, destination }: KeptPlace,
  { identity, signal }: KeptOptions,
  work: (lock: PgSession) => Promise<void>,
): Promise<void> {
  const lock = await lockDatabase(target, destination, identity, { signal });
  try {
    const isKept = (await listKept(lock)).some((each) => each.name === name && each.destination === destination);
    if (!isKept) throw new AppError('restore.kept-missing', `target "${target.name}" keeps no "${name}"`);
    await work(lock);
  } finally {
    await lock.close();
  }
}
