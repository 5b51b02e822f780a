import { z } from 'zod';
import type { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { CURSOR_PREFIX, type PartitionCommit, readCommitted } from '#common/bus/kafka-groups.js';
import { emptyTally, type ReplayTally } from '#common/domain/replay-tally.js';
import { AppError } from '#common/errors/app-error.js';
import type { PlannedPartition } from './plan.js';

const Count = z.int().min(0);
const Note = z.object({
  version: z.literal(1),
  from: z.string(),
  to: z.string(),
  isMoved: z.boolean(),
  tally: z.object({
    replayed: Count,
    copies: Count,
    foreign: Count,
    markers: Count,
    aborted: Count,
    missing: Count,
    lost: z.object({ fromOffset: z.string(), toOffset: z.string(), count: z.string() }).nullable(),
  }),
});

/**
 * What is remembered of one partition of a replay, on the bus itself: as the commit of a group that no consumer joins. The range stays as it
 * was frozen when the replay first began, whatever the group does later. Kept as long as the brokers keep offsets of idle groups.
 */
export interface JournalEntry {
  readonly topic: string;
  readonly partition: number;
  readonly group: string | null;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
  /** republish: everything before it is copied or accounted for. */
  readonly cursor: bigint;
  /** reset: the group's offset was moved and read back. */
  readonly isMoved: boolean;
  readonly tally: ReplayTally;
}

/** One per group: two groups have two ranges of the same partition. */
export const journalGroup = (replayId: string, group: string | null): string =>
  CURSOR_PREFIX + replayId + (group === null ? '' : `.${group}`);

export function freeze({ topic, partition, group, fromOffset, toOffset }: PlannedPartition): JournalEntry {
  const [from, to] = [BigInt(fromOffset), BigInt(toOffset)];
  const range = { topic, partition, group, fromOffset: from, toOffset: to };
  return { ...range, cursor: from, isMoved: false, tally: emptyTally };
}

export function toCommit(entry: JournalEntry): PartitionCommit {
  const { topic, partition, cursor, fromOffset, toOffset, isMoved, tally } = entry;
  const note = { version: 1, from: String(fromOffset), to: String(toOffset), isMoved, tally };
  return { topic, partition, offset: cursor, metadata: JSON.stringify(note) };
}

/** The entries of the plan's partitions, for one group; those that were never frozen are absent. Throws: bus.unavailable. */
export async function readJournal(
  cluster: KafkaCluster,
  replayId: string,
  planned: readonly PlannedPartition[],
): Promise<readonly JournalEntry[]> {
  const group = planned[0]?.group ?? null;
  const topics = [...new Set(planned.map(({ topic }) => topic))];
  const perTopic = topics.map(async (topic) => {
    const commits = await readCommitted(cluster, journalGroup(replayId, group), topic);
    return [...commits].map(([partition, commit]) => toEntry({ topic, partition, group }, commit));
  });
  return (await Promise.all(perTopic)).flat().sort((a, b) => a.partition - b.partition);
}

function toEntry(
  at: Pick<JournalEntry, 'topic' | 'partition' | 'group'>,
  { offset, metadata }: { readonly offset: bigint; readonly metadata: string | null },
): JournalEntry {
  const note = Note.safeParse(JSON.parse(metadata ?? 'null'));
  if (!note.success)
    throw new AppError('internal.bug', `the journal of ${at.topic}/${at.partition} holds something else`, { ...at });
  const { from, to, isMoved, tally } = note.data;
  return { ...at, fromOffset: BigInt(from), toOffset: BigInt(to), cursor: offset, isMoved, tally };
}
