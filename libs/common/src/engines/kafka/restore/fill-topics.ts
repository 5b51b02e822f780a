import { readLogEnds } from '#common/bus/kafka-log.js';
import { readTopicIds } from '#common/bus/topics/topic-ids.js';
import type { RestoreWork } from '#common/engines/engine.js';
import { digestRange } from '#common/engines/kafka/digest-range.js';
import type { PartitionFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';
import { makeTopic } from './made-topic.js';
import { changed, PartitionWriter } from './partition-writer.js';
import { piecesByObject, readPieces } from './read-pieces.js';
import type { KafkaFence } from './restore-fence.js';
import { type JournalEntry, writeRestoreJournal } from './restore-journal.js';
import { clearTopic, prepareTopic } from './topic-settings.js';
import type { Order, PlannedTopic, TopicsPlan } from './topics-plan.js';

export type TopicsWork = RestoreWork<TopicsPlan, KafkaFence>;

/** A topic that is there, and what is written to which of its partitions. */
export interface FilledTopic {
  readonly planned: PlannedTopic;
  readonly id: string | null;
  readonly journal: readonly JournalEntry[];
  readonly writers: ReadonlyMap<number, PartitionWriter>;
}

/** Makes what is not there, and learns what earlier attempts have written. Throws: bus.unavailable, kafka.destination-changed. */
export async function beginTopic(
  planned: PlannedTopic,
  order: Order,
  work: TopicsWork,
  signal: AbortSignal,
): Promise<FilledTopic> {
  const { kafka, producer } = work.fence;
  const { source, name, state } = planned;
  if (state === 'absent') await makeTopic(planned, order, kafka);
  const id = (await readTopicIds(kafka.cluster, [name]))[name] ?? null;
  const ends = await readLogEnds(kafka.cluster, name);
  const journal = source.partitions.map(({ partition, records }) => {
    const earlier = planned.journal.find((entry) => entry.partition === partition);
    return {
      ...{ topic: name, partition, run: order.identity.runId, backup: order.manifest.backupId, topicId: id, records },
      isMade: earlier?.isMade ?? state === 'absent',
      isWhole: false,
      baseOffset: earlier?.baseOffset ?? ends.get(partition) ?? 0n,
    };
  });
  await writeRestoreJournal(kafka.cluster, order.destination, journal);
  // Behind the journal: until then the topic is known by the setting with which it was made.
  if (order.strategy !== 'append') await prepareTopic(kafka, name, source);
  else if (journal.some(({ isMade }) => isMade)) await clearTopic(kafka, name);
  const writers = new Map<number, PartitionWriter>();
  for (const [index, facts] of source.partitions.entries()) {
    const { baseOffset = 0n } = journal[index] ?? {};
    const { partition } = facts;
    const toOffset = ends.get(partition) ?? baseOffset;
    const written = await digestRange(
      kafka.cluster,
      { topic: name, partition, fromOffset: baseOffset, toOffset },
      signal,
    );
    if (written.records !== Number(toOffset - baseOffset) || written.records > facts.records)
      throw changed(name, partition, 'it does not hold what the restore wrote');
    const { records, sha256 } = written;
    const o = {
      topic: name,
      partition,
      baseOffset,
      startOffset: BigInt(facts.startOffset),
      links: facts.links,
      written: { records, sha256 },
    };
    writers.set(partition, new PartitionWriter(producer, o));
  }
  return { planned, id, journal, writers };
}

/** Every record that is not there yet, in order per partition. Throws: backup.corrupt, bus.unavailable, kafka.destination-changed. */
export async function fillTopics(
  topics: readonly FilledTopic[],
  order: Order,
  work: TopicsWork,
  signal: AbortSignal,
): Promise<void> {
  const writers = new Map(topics.map(({ planned, writers: of }) => [planned.source.name, of]));
  const objects = piecesByObject(order.manifest.snapshot, order.manifest.needs);
  const totalBytes = objects.flatMap(({ pieces }) => pieces).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let bytes = 0;
  for (const each of objects) {
    const material = each.backup === undefined ? work.material : await work.material.needed(each.backup);
    const stream = await material.open(each.object);
    for await (const { piece, batch } of readPieces(stream, each)) {
      signal.throwIfAborted();
      await writers.get(piece.topic)?.get(piece.partition)?.write(batch);
      bytes += batch.length;
      work.onProgress({ stage: 'records', bytes, totalBytes });
    }
  }
  for (const { writers: of } of topics) for (const writer of of.values()) await writer.flush();
}

/** What was written is what the backup says, and nothing else is there. Throws: backup.corrupt, kafka.destination-changed, bus.unavailable. */
export async function assertFilled({ planned, writers }: FilledTopic, { kafka }: KafkaFence): Promise<void> {
  const { name, source } = planned;
  const ends = await readLogEnds(kafka.cluster, name);
  for (const facts of source.partitions) {
    const writer = writers.get(facts.partition);
    assertRead(name, facts, writer);
    const [end, wanted] = [ends.get(facts.partition) ?? -1n, writer?.endOffset ?? -1n];
    if (end !== wanted) throw changed(name, facts.partition, `it ends at ${end}, and not at ${wanted}`);
  }
}

function assertRead(topic: string, facts: PartitionFacts, writer: PartitionWriter | undefined): void {
  const { partition } = facts;
  if (writer?.holds(facts)) return;
  throw new AppError('backup.corrupt', `the records of ${topic}/${partition} are not those that the facts say`);
}
