import { parseLsn, toLsnBytes } from '#common/domain/lsn.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { ReplicationSession } from '#common/engines/postgres/replication/replication-session.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, literal, sql } from '#common/pg/sql.js';
import type { SlotPosition } from './wal-start.js';

/** What the server says of a slot. */
export interface SlotState {
  /** `reserved`, `extended`, `unreserved`, `lost`. */
  readonly walStatus: string | null;
  /** How much may be written until the slot is lost; null: without a limit. */
  readonly safeBytes: number | null;
  /** WAL that the server keeps for it. */
  readonly retainedBytes: number | null;
  readonly isActive: boolean;
}

export async function findSlot(session: PgSession, slot: string): Promise<SlotState | undefined> {
  const [state] = await session.query<SlotState>(
    `SELECT wal_status AS "walStatus", safe_wal_size::float8 AS "safeBytes", active AS "isActive",
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
         restart_lsn)::float8 AS "retainedBytes"
     FROM pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  return state;
}

export interface SlotFound {
  readonly position: SlotPosition;
  /** Why it had to be made; undefined: it was there. */
  readonly made: 'absent' | 'lost' | undefined;
}

/** Makes the slot where there is none, and makes one anew that the server has given up. Throws: postgres.*. */
export async function ensureSlot(
  { session, replication }: { readonly session: PgSession; readonly replication: ReplicationSession },
  slot: string,
): Promise<SlotFound> {
  const state = await findSlot(session, slot);
  const made = state === undefined ? 'absent' : state.walStatus === 'lost' ? 'lost' : undefined;
  if (made === 'lost') await replication.query(sql`DROP_REPLICATION_SLOT ${identifier(slot)}`);
  if (made !== undefined)
    await replication.query(sql`CREATE_REPLICATION_SLOT ${identifier(slot)} PHYSICAL (RESERVE_WAL)`);
  const [row] = await replication.query(sql`READ_REPLICATION_SLOT ${identifier(slot)}`);
  const { restart_lsn: lsn, restart_tli: timeline } = row ?? {};
  if (lsn && timeline) return { position: { timeline: Number(timeline), restart: toLsnBytes(parseLsn(lsn)) }, made };
  throw new AppError(
    'postgres.replication',
    `slot "${slot}" of ${session.label} keeps no WAL: it is no physical one of ours`,
  );
}

/** Idempotent. Throws: postgres.*, while a receiver streams from it. */
export async function dropSlot(session: PgSession, slot: string): Promise<boolean> {
  const dropped = await session.query(
    sql`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${literal(slot)}`,
  );
  return dropped.length > 0;
}
