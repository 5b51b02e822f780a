import { type Check, CheckWarning } from '#common/engines/check.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { ReplicationSession } from '#common/engines/postgres/replication/replication-session.js';
import { slotOf } from '#common/engines/postgres/wal/wal-archiver.js';
import { findSlot } from '#common/engines/postgres/wal/wal-slot.js';
import { AppError } from '#common/errors/app-error.js';
import { tellPushes } from './push-check.js';

interface Capacity {
  readonly walLevel: string;
  readonly senders: number;
  readonly sendersUsed: number;
  readonly slots: number;
  readonly slotsUsed: number;
}

/** Can the WAL of this cluster be archived, and is it? Nothing for a dataset that does not ask for it. */
export function walChecks(dataset: PostgresDataset, connected: string, signal: AbortSignal): Check[] {
  if (dataset.wal === undefined) return [];
  const options = { signal, applicationName: 'holdfast check' };
  return [
    {
      name: `dataset ${dataset.name}: WAL`,
      needs: [connected],
      run: () =>
        withPgSession(dataset.connection, options, async (session) => {
          if (dataset.wal?.mode === 'push') return tellPushes(session);
          assertCapacity(await readCapacity(session), session.label);
          const replication = await ReplicationSession.open(session.connection, options);
          const { systemId, timeline } = await replication.identify().finally(() => replication.close());
          return `cluster ${systemId}, timeline ${timeline}: ${await tellSlot(session, slotOf(dataset))}`;
        }),
    },
  ];
}

const readCapacity = (session: PgSession): Promise<Capacity> =>
  session.queryOne<Capacity>(
    `SELECT current_setting('wal_level') AS "walLevel",
       current_setting('max_wal_senders')::int AS senders, (SELECT count(*)::int FROM pg_stat_replication) AS "sendersUsed",
       current_setting('max_replication_slots')::int AS slots, (SELECT count(*)::int FROM pg_replication_slots) AS "slotsUsed"`,
  );

/** Throws: postgres.replication, with the statement that mends it. */
function assertCapacity({ walLevel, senders, sendersUsed, slots, slotsUsed }: Capacity, label: string): void {
  const refuse = (what: string, setting: string): never => {
    const hint = `Run \`ALTER SYSTEM SET ${setting}\` as a superuser and restart the server.`;
    throw new AppError('postgres.replication', `${label} ${what}`, {}, { hint });
  };
  if (walLevel === 'minimal') refuse('has wal_level = minimal: its WAL cannot be replayed', 'wal_level = replica');
  // One for the stream, and one for a base backup beside it, which has a slot for its time.
  if (senders - sendersUsed < 2)
    refuse(`has ${sendersUsed} of ${senders} WAL senders in use`, `max_wal_senders = ${senders + 4}`);
  if (slots - slotsUsed < 1)
    refuse(`has ${slotsUsed} of ${slots} replication slots in use`, `max_replication_slots = ${slots + 4}`);
}

async function tellSlot(session: PgSession, name: string): Promise<string> {
  const slot = await findSlot(session, name);
  if (slot === undefined)
    throw new CheckWarning(`there is no slot "${name}" yet: an executor makes it when it begins to archive`);
  if (slot.walStatus === 'lost')
    throw new CheckWarning(
      `slot "${name}" is lost: the archive has a gap, and the executor makes a new slot and asks for a base backup`,
    );
  const kept = `keeps ${Math.round((slot.retainedBytes ?? 0) / 1_048_576)} MiB`;
  if (!slot.isActive)
    throw new CheckWarning(`no executor streams from slot "${name}", which ${kept} on the server's disk`);
  const room =
    slot.safeBytes === null ? 'without a limit' : `and may keep ${Math.round(slot.safeBytes / 1_048_576)} MiB more`;
  return `slot "${name}" is streamed from, ${kept} ${room}`;
}
