import type { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { findReaders } from '#common/bus/kafka-groups.js';
import { readOffsetsAt } from '#common/bus/kafka-log.js';
import type { BusPosition, PartitionPosition } from '#common/contracts/bus-position.js';
import { AppError } from '#common/errors/app-error.js';
import type { ReplayAsk } from './request.js';

/** One partition as one group would begin it; group null when no group is known to read the topic. */
export interface StartingPoint {
  readonly topic: string;
  readonly partition: number;
  readonly group: string | null;
  readonly offset: bigint;
}

export interface ResolvedStart {
  readonly points: readonly StartingPoint[];
  readonly doubt: string | null;
}

/** Throws: replay.position-missing, bus.topic-missing, bus.unavailable. */
export async function resolveStart(ask: ReplayAsk, cluster: KafkaCluster): Promise<ResolvedStart> {
  const topics = topicsOf(ask);
  const perTopic = await Promise.all(topics.map((topic) => resolveTopic(ask, topic, cluster)));
  const doubt =
    'position' in ask.start && ask.start.position.state === 'unproven' ? reasonOf(ask.start.position) : null;
  return { points: perTopic.flat(), doubt };
}

const reasonOf = ({ reason }: BusPosition): string => reason ?? 'the position is unproven';

function topicsOf({ start, topics }: ReplayAsk): readonly string[] {
  const known = 'position' in start ? start.position.partitions : 'offsets' in start ? start.offsets : [];
  const found = topics ?? [...new Set(known.map(({ topic }) => topic))];
  const unknown = found.filter((topic) => !('since' in start) && !known.some((at) => at.topic === topic));
  if (found.length > 0 && unknown.length === 0) return found;
  const why = 'position' in start && start.position.reason !== undefined ? `: ${start.position.reason}` : '';
  const what = unknown.length > 0 ? `there is no position for ${unknown.join(', ')}${why}` : `no topic is named${why}`;
  throw new AppError('replay.position-missing', what, { topics: unknown });
}

async function resolveTopic(ask: ReplayAsk, topic: string, cluster: KafkaCluster): Promise<readonly StartingPoint[]> {
  const groups = await groupsOf(ask, topic, cluster);
  const offsets = await offsetsOf(ask, topic, cluster);
  return [...offsets].flatMap(([partition, offsetFor]) =>
    groups.map((group) => ({ topic, partition, group, offset: offsetFor(group) })),
  );
}

async function groupsOf(
  { groups, start }: ReplayAsk,
  topic: string,
  cluster: KafkaCluster,
): Promise<readonly (string | null)[]> {
  if (groups !== undefined) return groups;
  const known = 'position' in start ? groupsAt(start.position, topic) : [];
  const found = known.length > 0 ? known : await findReaders(cluster, topic);
  return found.length > 0 ? found : [null];
}

const groupsAt = ({ partitions }: BusPosition, topic: string): readonly string[] => [
  ...new Set(partitions.filter((at) => at.topic === topic).flatMap(({ committed }) => Object.keys(committed))),
];

type OffsetFor = (group: string | null) => bigint;

async function offsetsOf(
  { start }: ReplayAsk,
  topic: string,
  cluster: KafkaCluster,
): Promise<ReadonlyMap<number, OffsetFor>> {
  if ('offsets' in start)
    return new Map(
      start.offsets.filter((at) => at.topic === topic).map((at) => [at.partition, () => BigInt(at.offset)]),
    );
  if ('since' in start) {
    const found = await readOffsetsAt(cluster, topic, start.since);
    return new Map([...found].map(([partition, offset]) => [partition, () => offset]));
  }
  const seen = new Map(
    start.position.partitions.filter((at) => at.topic === topic).map((at) => [at.partition, at] as const),
  );
  const partitions = await cluster.partitionsOf(topic);
  return new Map(partitions.map((partition) => [partition, (group) => offsetIn(seen.get(partition), group)]));
}

/**
 * A partition that the backup never saw begins at its first offset: all of it came later. A group that the backup saw without a commit
 * begins where the log did; one that it did not see, with the group that lagged most.
 */
function offsetIn(seen: PartitionPosition | undefined, group: string | null): bigint {
  if (seen === undefined) return 0n;
  const own = group === null ? undefined : seen.committed[group];
  if (own !== undefined) return BigInt(own ?? seen.logStartOffset);
  const known = Object.values(seen.committed).map((offset) => BigInt(offset ?? seen.logStartOffset));
  return known.reduce((lowest, offset) => (offset < lowest ? offset : lowest), BigInt(seen.endOffset));
}
