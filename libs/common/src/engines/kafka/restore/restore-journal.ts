import { z } from 'zod';
import { kafkaErrorType } from '#common/bus/bus-error.js';
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

/** Which topic a restore is about to make. No commit can name the topic itself before it is there. */
const Intention = z.object({
  run: z.string(),
  backup: z.string(),
  topic: z.string(),
  mark: z.number().describe('The `max.message.bytes` with which the topic is made, by chance no other has it'),
});
export type Intention = z.infer<typeof Intention>;

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** The newest. */
  readonly intention: Intention | undefined;
}

/** There as soon as a group was: the intention is committed for it. */
const ANCHOR = { topic: '__consumer_offsets', partition: 0 };
/** Not every cluster lets us commit for it: then a topic whose maker dies before the first entry is not known as made. */
const NO_ANCHOR = ['TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION'];

/** The group that keeps the journal, and the producer that the restore writes by. */
export const journalName = (destination: string): string => JOURNAL_PREFIX + destination;

export const toDestinationOf = (journal: string): string => journal.slice(JOURNAL_PREFIX.length);

/** Throws: bus.unavailable. */
export async function readRestoreJournal(cluster: KafkaCluster, destination: string): Promise<Journal> {
  const commits = await readAllCommitted(cluster, journalName(destination));
  const entries = commits.flatMap(({ topic, partition, offset, metadata }) => {
    const entry = Entry.safeParse(parse(metadata));
    return entry.success ? [{ ...entry.data, topic, partition, baseOffset: offset }] : [];
  });
  const anchored = commits.find(({ topic, partition }) => topic === ANCHOR.topic && partition === ANCHOR.partition);
  return { entries, intention: Intention.safeParse(parse(anchored?.metadata ?? null)).data };
}

/** The runs that it is of. */
export const runsOf = ({ entries, intention }: Journal): readonly string[] => [
  ...new Set([...entries.map(({ run }) => run), ...(intention === undefined ? [] : [intention.run])]),
];

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

/** In place of the one before. Throws: bus.unavailable. */
export async function writeIntention(cluster: KafkaCluster, destination: string, intention: Intention): Promise<void> {
  const commit = { ...ANCHOR, offset: 0n, metadata: JSON.stringify(intention) };
  await commitForStoppedGroup(cluster, journalName(destination), [commit]).catch((error: unknown) => {
    if (!NO_ANCHOR.includes(kafkaErrorType(error) ?? '')) throw error;
  });
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
