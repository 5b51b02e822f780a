import { findReaders, groupActive } from '#common/bus/kafka-groups.js';
import { readLogEnds } from '#common/bus/kafka-log.js';
import { isAnchorUnchanged } from '#common/bus/records/anchor.js';
import { readClusterId, readTopicIds } from '#common/bus/topics/topic-ids.js';
import type { BusPosition, PartitionPosition } from '#common/contracts/bus-position.js';
import { acceptsCopies, acceptsGroup } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import type { PlannedGroup } from './plan.js';
import type { Mode, ReplayAsk, ReplayDeps } from './request.js';

/** What the configuration does not allow, per topic. */
export function findForbidden(
  mode: Mode,
  asked: {
    readonly topic: string;
    readonly groups: readonly (string | null)[];
    readonly destination: string | undefined;
  },
  { rules }: Pick<ReplayDeps, 'rules'>,
): readonly AppError[] {
  const { topic, groups, destination } = asked;
  const rule = rules.find(({ name }) => name === topic);
  const refuse = (what: string): AppError => new AppError('replay.not-allowed', what, { topic });
  if (rule === undefined || !rule.modes.includes(mode)) return [refuse(`topic ${topic} does not allow mode ${mode}`)];
  const strangers = groups.filter((group) => group !== null).filter((group) => !acceptsGroup(rule, group));
  const to = destination ?? topic;
  const isForeign = mode === 'republish' && !acceptsCopies(rule, to);
  return [
    ...strangers.map((group) => refuse(`topic ${topic} does not allow replays for group ${group}`)),
    ...(isForeign ? [refuse(`topic ${topic} does not allow copies to ${to}`)] : []),
  ];
}

/** A reset needs groups; a republish has one range per partition, so it is for one group. */
export function findGroupRefusals(mode: Mode, groups: readonly (string | null)[]): readonly AppError[] {
  const named = [...new Set(groups.filter((group) => group !== null))];
  if (mode === 'reset' && (named.length === 0 || groups.includes(null)))
    return [new AppError('replay.group-required', 'no consumer group of the topic is known', { groups: named })];
  if (mode === 'republish' && named.length > 1)
    return [
      new AppError('replay.group-required', `republish is for one group, not for ${named.join(', ')}`, {
        groups: named,
      }),
    ];
  return [];
}

export const findActive = (groups: readonly PlannedGroup[]): readonly AppError[] =>
  groups.filter(({ members }) => members > 0).map(({ name, members }) => groupActive(name, members));

/** Groups that would see the copies besides the one that they are for. */
export async function findOtherReaders(
  destinations: readonly string[],
  groups: readonly (string | null)[],
  { bus }: Pick<ReplayDeps, 'bus'>,
): Promise<readonly string[]> {
  const readers = await Promise.all(destinations.map((topic) => findReaders(bus.cluster, topic)));
  return [...new Set(readers.flat())].filter((reader) => !groups.includes(reader)).sort();
}

export function findUnaccepted(readers: readonly string[], accepted: readonly string[] = []): readonly AppError[] {
  const open = readers.filter((reader) => !accepted.includes(reader));
  if (open.length === 0) return [];
  return [
    new AppError('replay.readers-not-accepted', `the destination is also read by ${open.join(', ')}`, { groups: open }),
  ];
}

/** Signs that offsets no longer mean the records that the backup saw. */
export async function findChanged(
  { start }: ReplayAsk,
  topics: readonly string[],
  { bus }: Pick<ReplayDeps, 'bus'>,
  signal: AbortSignal,
): Promise<readonly AppError[]> {
  if (!('position' in start)) return [];
  const { position } = start;
  const isSameCluster = (await readClusterId(bus.cluster)) === position.clusterId;
  const ids = await readTopicIds(bus.cluster, topics);
  const perTopic = topics.map((topic) => {
    const [before, id] = [position.topicIds[topic] ?? null, ids[topic] ?? null];
    const isSameTopic = isSameCluster && (before === null || id === null || before === id);
    return findChangedTopic(topic, { position, isSameTopic }, { bus }, signal);
  });
  return (await Promise.all(perTopic)).flat();
}

interface Seen {
  readonly position: BusPosition;
  /** False where the topic, or its whole cluster, was made anew. */
  readonly isSameTopic: boolean;
}

/**
 * A topic that was made anew and filled from a backup of it may have its records where they were. Only the record that the backup saw last in a partition
 * proves that there: without it, what was made anew is another topic.
 */
async function findChangedTopic(
  topic: string,
  { position, isSameTopic }: Seen,
  deps: Pick<ReplayDeps, 'bus'>,
  signal: AbortSignal,
): Promise<readonly AppError[]> {
  const ends = await readLogEnds(deps.bus.cluster, topic);
  const partitions = position.partitions.filter((at) => at.topic === topic);
  const shorter = partitions.find((at) => (ends.get(at.partition) ?? 0n) < BigInt(at.endOffset));
  if (shorter !== undefined) return [changed(`${topic}/${shorter.partition}`, 'ends before the position')];
  const anchors = await Promise.all(partitions.map((at) => isSame(at, deps, signal)));
  const other = partitions.find((_, index) => anchors[index] === false);
  if (other !== undefined) return [changed(`${topic}/${other.partition}`, 'holds another record at the anchor')];
  const unproven = partitions.find((at, index) => BigInt(at.endOffset) > 0n && anchors[index] !== true);
  if (isSameTopic || unproven === undefined) return [];
  return [
    changed(`${topic}/${unproven.partition}`, 'was made anew, and the last record that the backup saw is not there'),
  ];
}

async function isSame(
  { topic, partition, anchor }: PartitionPosition,
  { bus }: Pick<ReplayDeps, 'bus'>,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  return anchor === null ? undefined : isAnchorUnchanged(bus.cluster, { topic, partition, anchor }, signal);
}

const changed = (what: string, how: string): AppError => new AppError('replay.topic-changed', `topic ${what} ${how}`);
