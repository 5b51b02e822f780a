import { z } from 'zod';
import type { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { commitForStoppedGroup, JOURNAL_PREFIX, readAllCommitted } from '#common/bus/kafka-groups.js';

/** What the journal says of one partition of a topic that a restore fills, as the metadata of a commit: it goes away with its topic. */
const Entry = z.object({
  run: z.string(),
  backup: z.string(),
  topicId: z.string().nullable(),
  isMade: z.boolean().describe('By a restore: it may delete the topic too'),
  isWhole: z.boolean().describe('The restore has come to its end'),
  records: z.number().describe('That the restore writes'),
});

export interface JournalEntry extends z.infer<typeof Entry> {
  readonly topic: string;
  readonly partition: number;
  /** Of the first record that the restore writes. */
  readonly baseOffset: bigint;
}

/** The group that keeps the journal, and the producer that the restore writes by. */
export const journalName = (destination: string): string => JOURNAL_PREFIX + destination;

export const toDestinationOf = (journal: string): string => journal.slice(JOURNAL_PREFIX.length);

/** Throws: bus.unavailable. */
export async function readRestoreJournal(cluster: KafkaCluster, destination: string): Promise<readonly JournalEntry[]> {
  const commits = await readAllCommitted(cluster, journalName(destination));
  return commits.flatMap(({ topic, partition, offset, metadata }) => {
    const entry = Entry.safeParse(parse(metadata));
    return entry.success ? [{ ...entry.data, topic, partition, baseOffset: offset }] : [];
  });
}

/** Throws: bus.unavailable. */
export async function writeRestoreJournal(
  cluster: KafkaCluster,
  destination: string,
  entries: readonly JournalEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  await commitForStoppedGroup(
    cluster,
    journalName(destination),
    entries.map(({ topic, partition, baseOffset, ...entry }) => ({
      ...{ topic, partition, offset: baseOffset, metadata: JSON.stringify(entry) },
    })),
  );
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
