import type { BusPosition } from '../../contracts/bus-position.js';
import { AppError } from '../../errors/app-error.js';
import { assertReadable } from './facts-access.js';
import type { FirstFacts } from './facts-read.js';
import { readSequences } from './facts-sequences.js';
import { readDatabase } from './facts-server.js';
import { pinFactSettings } from './facts-session.js';
import { listTables, type TableEntry, toTableListKey } from './facts-tables.js';
import { sqlStateOf } from './pg-errors.js';
import type { PgSession } from './pg-session.js';

/** An exported snapshot with every table locked against TRUNCATE and DDL, for as long as its session lives. */
export interface HeldSnapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string;
  readonly first: FirstFacts;
  readonly busPosition: BusPosition | null;
}

export type ReadBusPosition = (o: { readonly signal: AbortSignal }) => Promise<BusPosition | undefined>;

export interface HoldOptions {
  readonly signal: AbortSignal;
  readonly readBusPosition: ReadBusPosition | undefined;
}

/** Migrations that create tables all the time are rare; one that runs just now is over after a few tries. */
const TRIES = 8;

/** A table of the list was dropped, renamed or moved, or DDL and we waited for each other: the list is out of date. */
const LIST_CHANGED = new Set(['42P01', '3F000', '40P01', 'XX000']);

/**
 * Fixes the moment that a dump shows. The order is the promise: tables are locked before the snapshot exists, because
 * TRUNCATE is not MVCC-safe: a table truncated between snapshot and lock would dump as empty, and count as empty. The bus
 * position is read before the snapshot too, so it is never ahead of it.
 * Throws: postgres.changing, postgres.locked, postgres.permission, postgres.rls-hidden; what `readBusPosition` throws.
 */
export async function holdSnapshot(holder: PgSession, lister: PgSession, o: HoldOptions): Promise<HeldSnapshot> {
  await pinFactSettings(holder);
  await pinFactSettings(lister);
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    await assertReadable(lister);
    const tables = await listTables(lister);
    const held = await tryHold(holder, tables, o);
    if (held !== undefined) return held;
    await holder.query('ROLLBACK');
  }
  throw new AppError(
    'postgres.changing',
    `the tables of ${holder.label} changed ${TRIES} times while they were locked`,
  );
}

/** Undefined when the list was out of date; the caller rolls back. */
async function tryHold(
  holder: PgSession,
  expected: readonly TableEntry[],
  o: HoldOptions,
): Promise<HeldSnapshot | undefined> {
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  if (!(await lockTables(holder, expected))) return undefined;
  const position = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
  // The first query of the transaction: from here on it sees this moment.
  const database = await readDatabase(holder);
  const tables = await listTables(holder);
  if (toTableListKey(tables) !== toTableListKey(expected)) return undefined;
  const { id, isStandby } = await holder.queryOne<{ id: string; isStandby: boolean }>(
    `SELECT pg_export_snapshot() AS id, pg_is_in_recovery() AS "isStandby"`,
  );
  const busPosition = position && isStandby ? withoutProof(position) : position;
  return { id, busPosition, first: { database, tables, sequences: await readSequences(holder) } };
}

/** LOCK TABLE is no query and takes no snapshot. ONLY: partitions and children are in the list themselves. */
async function lockTables(holder: PgSession, tables: readonly TableEntry[]): Promise<boolean> {
  if (tables.length === 0) return true;
  const names = tables.map(({ name }) => `ONLY ${name}`).join(', ');
  try {
    await holder.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
    return true;
  } catch (error) {
    if (LIST_CHANGED.has(sqlStateOf(error) ?? '')) return false;
    throw error;
  }
}

/** A standby may not have replayed yet what its primary wrote before the position was read. */
const withoutProof = (position: BusPosition): BusPosition => ({
  ...position,
  state: 'unproven',
  reason: position.reason ?? 'the snapshot was taken on a standby, which may be behind the position',
});
