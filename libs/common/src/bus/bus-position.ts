import type { BusPosition, PartitionPosition } from '#common/contracts/bus-position.js';
import type { KafkaCluster } from './kafka-cluster.js';
import { type Committed, findReaders, readCommitted } from './kafka-groups.js';
import { type Offsets, readLogEnds, readLogStarts } from './kafka-log.js';
import { findAnchor } from './records/anchor.js';
import { readClusterId, readTopicIds } from './topics/topic-ids.js';

export interface WatchedTopic {
  readonly name: string;
  /** Consumers that write the dataset; found by their commits when absent. */
  readonly groups?: readonly string[] | undefined;
  /** `before-write`: an offset may be committed before its record is in the database, so no offset bounds a snapshot. */
  readonly commits?: 'after-write' | 'before-write' | undefined;
}

/**
 * Where the topics stand. Take it before the snapshot: a group that commits after it writes had then written all that it had
 * committed, so the position is never ahead of the snapshot.
 * Order of the reads, per topic: log starts, then commits, then log ends. Starts first, so that records trimmed in between show as a
 * gap later and not as a later start; commits before ends, so that no commit lies beyond its end.
 * Throws: bus.topic-missing, bus.unavailable.
 */
export async function readBusPosition(
  cluster: KafkaCluster,
  topics: readonly WatchedTopic[],
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<BusPosition> {
  const names = topics.map(({ name }) => name);
  const [clusterId, topicIds] = [await readClusterId(cluster), await readTopicIds(cluster, names)];
  const read = await Promise.all(topics.map((topic) => readTopic(cluster, topic, signal)));
  const doubt = read.map(({ doubt }) => doubt).find((reason) => reason !== undefined);
  return {
    state: doubt === undefined ? 'proven' : 'unproven',
    ...(doubt === undefined ? {} : { reason: doubt }),
    takenAt: now.toISOString(),
    clusterId,
    topicIds,
    partitions: read.flatMap(({ partitions }) => partitions),
  };
}

interface TopicPosition {
  readonly partitions: readonly PartitionPosition[];
  readonly doubt: string | undefined;
}

async function readTopic(cluster: KafkaCluster, topic: WatchedTopic, signal: AbortSignal): Promise<TopicPosition> {
  const starts = await readLogStarts(cluster, topic.name);
  const groups = topic.groups ?? (await findReaders(cluster, topic.name));
  const commits = new Map(
    await Promise.all(groups.map(async (name) => [name, await readCommitted(cluster, name, topic.name)] as const)),
  );
  const ends = await readLogEnds(cluster, topic.name);
  const partitions = [...starts.keys()].map((partition) =>
    toPosition(topic.name, partition, { starts, commits, ends }),
  );
  const anchored = partitions.map(async (at) => ({ ...at, anchor: await anchorOf(cluster, at, signal) }));
  return { partitions: await Promise.all(anchored), doubt: findDoubt(topic, partitions, groups) };
}

interface TopicOffsets {
  readonly starts: Offsets;
  readonly commits: ReadonlyMap<string, ReadonlyMap<number, Committed>>;
  readonly ends: Offsets;
}

function toPosition(topic: string, partition: number, { starts, commits, ends }: TopicOffsets): PartitionPosition {
  const committed = [...commits].map(([group, at]) => [group, at.get(partition)?.offset.toString() ?? null]);
  return {
    topic,
    partition,
    logStartOffset: String(starts.get(partition) ?? 0n),
    endOffset: String(ends.get(partition) ?? 0n),
    committed: Object.fromEntries(committed),
    anchor: null,
  };
}

const anchorOf = (
  cluster: KafkaCluster,
  at: PartitionPosition,
  signal: AbortSignal,
): Promise<PartitionPosition['anchor']> =>
  findAnchor(cluster, { ...at, logStartOffset: BigInt(at.logStartOffset), endOffset: BigInt(at.endOffset) }, signal);

function findDoubt(
  topic: WatchedTopic,
  partitions: readonly PartitionPosition[],
  groups: readonly string[],
): string | undefined {
  if (groups.length === 0) return `no consumer group reads topic ${topic.name}`;
  if (topic.commits === 'before-write') return `consumers of topic ${topic.name} commit before they write`;
  const beyond = partitions.find(({ committed, endOffset }) =>
    Object.values(committed).some((offset) => offset !== null && BigInt(offset) > BigInt(endOffset)),
  );
  return beyond && `a commit on ${topic.name}/${beyond.partition} lies beyond the end of the log`;
}
