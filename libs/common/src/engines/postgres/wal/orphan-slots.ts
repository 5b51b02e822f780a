import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { slotOf } from './wal-archiver.js';
import { dropSlot, findSlot } from './wal-slot.js';

export interface OrphanSlot {
  readonly name: string;
  /** WAL that the server keeps for it; null: it keeps none any more. */
  readonly retainedBytes: number | null;
}

/** Slots with the names that Holdfast gives, which none of these datasets asks for. Another installation may. */
export async function findOrphanSlots(
  session: PgSession,
  datasets: readonly Pick<PostgresDataset, 'name' | 'wal'>[],
): Promise<OrphanSlot[]> {
  const wanted = datasets.filter(({ wal }) => wal?.mode === 'stream').map(slotOf);
  return session.query<OrphanSlot>(
    `SELECT slot_name AS name,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
         restart_lsn)::float8 AS "retainedBytes"
     FROM pg_replication_slots
     WHERE slot_type = 'physical' AND NOT temporary AND NOT active AND slot_name LIKE 'holdfast\\_%' AND slot_name <> ALL ($1)
     ORDER BY slot_name`,
    [wanted],
  );
}

/** Drops the slot through which a dataset's WAL was archived, or another by name. Throws: wal.slot-in-use, wal.slot-missing; postgres.*. */
export async function giveUpSlot(session: PgSession, slot: string): Promise<{ readonly retainedBytes: number | null }> {
  const state = await findSlot(session, slot);
  if (state === undefined) throw new AppError('wal.slot-missing', `${session.label} has no slot "${slot}"`);
  if (state.isActive) throw new AppError('wal.slot-in-use', `slot "${slot}" of ${session.label} is streamed from`);
  await dropSlot(session, slot);
  return { retainedBytes: state.retainedBytes };
}
