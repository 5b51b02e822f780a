import type { BusPosition } from '#common/contracts/bus-position.js';
import type { ReadBusPosition } from '#common/engines/engine.js';
import type { TableEntry } from '#common/engines/postgres/facts/tables.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { joined, literal, printed, sql } from '#common/pg/sql.js';

/** An exported snapshot with every table locked against TRUNCATE and DDL, for as long as its holder's transaction lives. */
export interface HeldSnapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string;
  readonly takenAt: string;
  readonly lsn: string | null;
  readonly busPosition: BusPosition | null;
}

export interface HoldOptions {
  readonly signal: AbortSignal;
  readonly readBusPosition: ReadBusPosition | undefined;
}

/**
 * Whether an error says: try again. A table of the list was dropped, renamed or moved (undefined table or schema, internal
 * "could not open"); or a session waits for our locks and stands before our next one (lock timeout of the reader, deadlock).
 */
export const isInTheWay = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'postgres.changing' || IN_THE_WAY.has(sqlStateOf(error) ?? ''));

const IN_THE_WAY = new Set(['42P01', '3F000', 'XX000', '40P01', '55P03']);

/**
 * Fixes the moment that a dump shows. The order is the promise: tables are locked before the snapshot exists, because TRUNCATE
 * is not MVCC-safe: a table truncated between snapshot and lock would dump as empty, and count as empty. The bus position is
 * read before the snapshot too, so it is never ahead of it. The session gets these locks and no others: a session that waits for one
 * that the dump needs as well would stand in the dump's way for ever.
 * Throws: postgres.locked; what `readBusPosition` throws.
 */
export async function holdSnapshot(
  holder: PgSession,
  tables: readonly TableEntry[],
  o: HoldOptions,
): Promise<HeldSnapshot> {
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await lockTables(holder, tables);
  const position = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
  const { isStandby, ...moment } = await takeSnapshot(holder);
  return { ...moment, busPosition: position && isStandby ? withoutProof(position) : position };
}

/** LOCK TABLE is no query and takes no snapshot. ONLY: partitions and children are in the list themselves. */
async function lockTables(holder: PgSession, tables: readonly TableEntry[]): Promise<void> {
  if (tables.length === 0) return;
  const names = joined(tables.map(({ name }) => sql`ONLY ${printed(name)}`));
  await holder.query(sql`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
}

interface Moment {
  readonly id: string;
  readonly isStandby: boolean;
  readonly takenAt: string;
  readonly lsn: string | null;
}

/** The first query of the transaction: from here on it sees this moment. It names no relation, so it locks none. */
function takeSnapshot(holder: PgSession): Promise<Moment> {
  return holder.queryOne<Moment>(`
    SELECT
      pg_export_snapshot() AS id,
      pg_is_in_recovery() AS "isStandby",
      to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "takenAt",
      CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn`);
}

/** Reads in a held snapshot, in a short transaction that waits for no lock for long. */
export async function inHeldSnapshot<T>(reader: PgSession, { id }: HeldSnapshot, read: () => Promise<T>): Promise<T> {
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await reader.query(sql`SET TRANSACTION SNAPSHOT ${literal(id)}; SET LOCAL lock_timeout = '2s'`);
    return await read();
  } finally {
    await reader.query('ROLLBACK').catch(() => undefined);
  }
}

/** A standby may not have replayed yet what its primary wrote before the position was read. */
const withoutProof = (position: BusPosition): BusPosition => ({
  ...position,
  state: 'unproven',
  reason: position.reason ?? 'the snapshot was taken on a standby, which may be behind the position',
});
