import { evict, GroupLock, type LockMember, listLockMembers } from '#common/bus/group-lock.js';
import { BatchProducer } from '#common/bus/records/batch-producer.js';
import type { AttemptIdentity, Fence, FenceOptions } from '#common/engines/engine.js';
import { type KafkaConnection, type OpenKafka, openKafka } from '#common/engines/kafka/kafka-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { journalName } from './restore-journal.js';

const CLIENT = 'holdfast-restore';

/** The lock of a destination, and what a restore works with while it has that. */
export interface KafkaFence extends Fence {
  readonly kafka: OpenKafka;
  readonly producer: BatchProducer;
}

export const lockName = (destination: string): string => `${journalName(destination)}:lock`;

const toClientId = ({ runId, attempt }: AttemptIdentity): string => `${CLIENT} ${runId} a${attempt}`;

/** Undefined: not one of ours. */
export function parseClientId(clientId: string): AttemptIdentity | undefined {
  const [, runId, attempt] = /^holdfast-restore (\S+) a(\d+)$/.exec(clientId) ?? [];
  return runId === undefined ? undefined : { runId, attempt: Number(attempt) };
}

/**
 * Keeps every other restore out of the destination, and what an earlier attempt still sends out of its topics. Throws: restore.busy; claim.lost
 * when a later attempt of the run is there; bus.unavailable.
 */
export async function fenceDestination(
  connection: KafkaConnection,
  destination: string,
  { identity, isOver }: FenceOptions & { readonly identity: AttemptIdentity },
): Promise<KafkaFence> {
  const kafka = await openKafka(connection, toClientId(identity));
  const group = lockName(destination);
  try {
    for (const member of await listLockMembers(kafka.cluster, group)) {
      if (!(await isInTheWay(member, identity, isOver))) await evict(kafka.cluster, group, member.memberId);
      else throw toBusy(destination);
    }
    const lock = await GroupLock.take(kafka.cluster, group);
    if (lock === undefined) throw toBusy(destination);
    const close = async (): Promise<void> => {
      await lock.close();
      await kafka.close();
    };
    try {
      const producer = await BatchProducer.open(kafka.cluster, journalName(destination));
      return { kafka, producer, close, whenLost: lock.whenLost };
    } catch (error) {
      await lock.close();
      throw error;
    }
  } catch (error) {
    await kafka.close();
    throw error;
  }
}

async function isInTheWay(
  { clientId }: LockMember,
  { runId, attempt }: AttemptIdentity,
  isOver: FenceOptions['isOver'],
): Promise<boolean> {
  const other = parseClientId(clientId);
  if (other === undefined) return true;
  if (other.runId !== runId) return (await isOver?.(other.runId)) !== true;
  if (other.attempt <= attempt) return false;
  throw new AppError('claim.lost', `a later attempt than ${attempt} restores for run ${runId}`, { runId, attempt });
}

const toBusy = (destination: string): AppError =>
  new AppError('restore.busy', `another restore to ${destination} is under way`, { destination });
