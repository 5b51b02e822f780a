import kafkajs, { type Broker } from 'kafkajs';
import { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType } from './bus-error.js';
import type { KafkaCluster } from './kafka-cluster.js';

export interface Committed {
  readonly offset: bigint;
  readonly metadata: string | null;
}

export interface GroupDescription {
  readonly name: string;
  /** As the broker says: `Empty`, `Stable`, `PreparingRebalance`, `Dead` for one that it does not know. */
  readonly state: string;
  readonly members: number;
  /** Topics that present members were assigned. */
  readonly topics: readonly string[];
}

export interface PartitionCommit extends Committed {
  readonly topic: string;
  readonly partition: number;
}

/** Groups under this name are cursors of ours, never readers. */
export const CURSOR_PREFIX = 'holdfast-replay-';
/** And under this one journals of restores. */
export const JOURNAL_PREFIX = 'holdfast-restore-';
const NO_GENERATION = -1;
const MEMBERS_LEFT = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS', 'NON_EMPTY_GROUP'];

/** What a group would read next, per partition of one topic; a partition without a commit is absent. */
export async function readCommitted(
  cluster: KafkaCluster,
  group: string,
  topic: string,
): Promise<ReadonlyMap<number, Committed>> {
  const partitions = (await cluster.partitionsOf(topic)).map((partition) => ({ partition, offset: '-1' }));
  const { responses } = await cluster.exchange(`read the offsets of group ${group}`, async () => {
    const coordinator = await cluster.cluster.findGroupCoordinator({ groupId: group });
    return coordinator.offsetFetch({ groupId: group, topics: [{ topic, partitions }] });
  });
  const found = (responses[0]?.partitions ?? []) as readonly { partition: number; offset: string; metadata?: string }[];
  return new Map(
    found
      .map(
        ({ partition, offset, metadata }) =>
          [partition, { offset: BigInt(offset), metadata: metadata || null }] as const,
      )
      .filter(([, { offset }]) => offset >= 0n),
  );
}

/** Every commit of a group, in order of topic and partition. Throws: bus.unavailable. */
export async function readAllCommitted(cluster: KafkaCluster, group: string): Promise<readonly PartitionCommit[]> {
  const { responses } = await cluster.exchange(`read the offsets of group ${group}`, async () => {
    const coordinator = await cluster.cluster.findGroupCoordinator({ groupId: group });
    return coordinator.offsetFetch({ groupId: group, topics: [] });
  });
  const found = responses as readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly metadata?: string }[];
  }[];
  return found
    .flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset, metadata }) => ({
        ...{ topic, partition, offset: BigInt(offset), metadata: metadata || null },
      })),
    )
    .filter(({ offset }) => offset >= 0n)
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

/**
 * Commits for a group without joining it; the broker itself refuses while the group has members, so no member can slip in between a
 * check and the commit. Throws: replay.group-active, bus.unavailable.
 */
export async function commitForStoppedGroup(
  cluster: KafkaCluster,
  group: string,
  commits: readonly PartitionCommit[],
): Promise<void> {
  const topics = [...Map.groupBy(commits, ({ topic }) => topic)].map(([topic, of]) => ({
    topic,
    partitions: of.map(({ partition, offset, metadata }) => ({ partition, offset: offset.toString(), metadata })),
  }));
  await cluster.exchange(`move the offsets of group ${group}`, async () => {
    const coordinator = await cluster.cluster.findGroupCoordinator({ groupId: group });
    await commitAt(coordinator, group, topics);
  });
}

async function commitAt(coordinator: Broker, groupId: string, topics: never[] | object[]): Promise<void> {
  try {
    await coordinator.offsetCommit({
      groupId,
      groupGenerationId: NO_GENERATION,
      memberId: '',
      topics: topics as never,
    });
  } catch (error) {
    if (!MEMBERS_LEFT.includes(kafkaErrorType(error) ?? '')) throw error;
    throw groupActive(groupId, undefined, error);
  }
}

export const groupActive = (group: string, members?: number, cause?: unknown): AppError =>
  new AppError(
    'replay.group-active',
    `group ${group} has ${members ?? 'running'} ${members === 1 ? 'member' : 'members'}`,
    { group, ...(members === undefined ? {} : { members }) },
    { cause },
  );

/** Throws: bus.unavailable. */
export async function describeGroup(cluster: KafkaCluster, group: string): Promise<GroupDescription> {
  const { groups } = await cluster.exchange(`describe group ${group}`, async () => {
    const coordinator = await cluster.cluster.findGroupCoordinator({ groupId: group });
    return coordinator.describeGroups({ groupIds: [group] }) as Promise<{ groups: readonly DescribedGroup[] }>;
  });
  const { state, members } = groups[0] ?? { state: 'Dead', members: [] };
  return { name: group, state, members: members.length, topics: [...new Set(members.flatMap(assignedTopics))] };
}

interface DescribedGroup {
  readonly state: string;
  readonly members: readonly { readonly memberAssignment: Buffer }[];
}

function assignedTopics({ memberAssignment }: { readonly memberAssignment: Buffer }): readonly string[] {
  if (memberAssignment.length === 0) return [];
  return Object.keys(kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {});
}

/** Every consumer group of the cluster but our own cursors and journals, in order. Throws: bus.unavailable. */
export async function listGroups(cluster: KafkaCluster): Promise<readonly string[]> {
  const own = [CURSOR_PREFIX, JOURNAL_PREFIX];
  const groups = (await readGroups(cluster)).filter(({ protocolType }) => ['consumer', ''].includes(protocolType));
  return toNames(groups).filter((name) => !own.some((prefix) => name.startsWith(prefix)));
}

/** Every group, whatever its kind, in order. Throws: bus.unavailable. */
export const listGroupNames = async (cluster: KafkaCluster): Promise<readonly string[]> =>
  toNames(await readGroups(cluster));

interface ListedGroup {
  readonly groupId: string;
  readonly protocolType: string;
}

const toNames = (groups: readonly ListedGroup[]): readonly string[] =>
  [...new Set(groups.map(({ groupId }) => groupId))].sort();

async function readGroups(cluster: KafkaCluster): Promise<readonly ListedGroup[]> {
  const doing = 'list the consumer groups';
  await cluster.exchange(doing, () => cluster.cluster.refreshMetadataIfNecessary());
  const nodeIds = cluster.cluster.getNodeIds().map(String);
  const perBroker = await Promise.all(
    nodeIds.map((nodeId) => cluster.exchange(doing, () => groupsAt(cluster, nodeId))),
  );
  return perBroker.flat();
}

async function groupsAt(cluster: KafkaCluster, nodeId: string): Promise<readonly ListedGroup[]> {
  const broker = (await cluster.cluster.findBroker({ nodeId })) as Broker & {
    listGroups(): Promise<{ groups: readonly ListedGroup[] }>;
  };
  const { groups } = await broker.listGroups();
  return groups;
}

/** Groups with a commit or a running member on the topic, in order. */
export async function findReaders(cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
  const groups = await listGroups(cluster);
  const isReader = await Promise.all(groups.map((group) => readsTopic(cluster, group, topic)));
  return groups.filter((_, index) => isReader[index]);
}

async function readsTopic(cluster: KafkaCluster, group: string, topic: string): Promise<boolean> {
  if ((await readCommitted(cluster, group, topic)).size > 0) return true;
  return (await describeGroup(cluster, group)).topics.includes(topic);
}
