import type { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { listGroups, type PartitionCommit, readAllCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import { readStableEnds } from '#common/bus/records/stable-ends.js';
import type { AclRule } from '#common/bus/topics/acl-rules.js';
import type { TopicConfig, TopicShape } from '#common/bus/topics/topic-admin.js';
import { readClusterId, readTopicIds } from '#common/bus/topics/topic-ids.js';
import { rulesAbout } from '#common/engines/kafka/access-rules.js';
import type { KafkaDataset, OpenKafka } from '#common/engines/kafka/kafka-dataset.js';
import { findAbsent, pickTopics } from '#common/engines/kafka/topic-patterns.js';
import { AppError } from '#common/errors/app-error.js';

export interface FrozenPartition {
  readonly partition: number;
  readonly startOffset: bigint;
  readonly endOffset: bigint;
  /** The backup before ends where this begins. */
  readonly isContinued?: true;
  /** Offsets of transactions that are open. */
  readonly undecided: bigint;
}

export interface FrozenTopic {
  readonly name: string;
  readonly id: string | null;
  readonly replicationFactor: number;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly FrozenPartition[];
}

export interface FrozenGroup {
  readonly name: string;
  readonly commits: readonly PartitionCommit[];
}

export interface Frozen {
  readonly takenAt: string;
  readonly clusterId: string;
  readonly topics: readonly FrozenTopic[];
  readonly groups: readonly FrozenGroup[];
  /** About these topics and groups; null: the cluster does not tell. */
  readonly acls: readonly AclRule[] | null;
}

/** The topics that the dataset means, as they are now. Throws: bus.topic-missing, bus.unavailable. */
export async function loadTopics({ admin }: Pick<OpenKafka, 'admin'>, dataset: KafkaDataset): Promise<TopicShape[]> {
  const all = await admin.list();
  const names = all.map(({ name }) => name);
  const absent = findAbsent(names, dataset.include);
  if (absent.length > 0)
    throw toMissing(dataset, `topics of dataset ${dataset.name} do not exist: ${absent.join(', ')}`, absent);
  const meant = new Set(pickTopics(names, dataset));
  if (meant.size === 0)
    throw toMissing(dataset, `the cluster of dataset ${dataset.name} has no topic ${dataset.include.join(', ')}`, []);
  return all.filter(({ name }) => meant.has(name));
}

const toMissing = ({ name }: KafkaDataset, message: string, topics: readonly string[]): AppError => {
  const hint = `Correct \`include\` and \`exclude\` of the dataset, or create the topics, then run \`holdfast check --dataset ${name}\`.`;
  return new AppError('bus.topic-missing', message, { topics }, { hint });
};

/**
 * Where every partition begins and ends. The groups come first: none of them stands behind an end, and a group that read on meanwhile reads a
 * little again after a restore. Throws: bus.unavailable.
 */
export async function freezeTopics({ cluster, admin }: OpenKafka, shapes: readonly TopicShape[]): Promise<Frozen> {
  const names = shapes.map(({ name }) => name);
  const configs = await admin.readConfigs(names);
  const ids = await readTopicIds(cluster, names);
  const groups = await freezeGroups(cluster, new Set(names));
  const partitions = await Promise.all(names.map((name) => freezePartitions(cluster, name)));
  const takenAt = new Date().toISOString();
  const rules = await admin.readAcls();
  return {
    takenAt,
    clusterId: await readClusterId(cluster),
    groups,
    acls: rules === undefined ? null : rulesAbout(rules, { topics: names, groups: groups.map(({ name }) => name) }),
    topics: shapes.map(({ name, replicationFactor }, index) => ({
      ...{ name, replicationFactor, id: ids[name] ?? null, partitions: partitions[index] ?? [] },
      ...toConfigFacts(configs.get(name) ?? []),
    })),
  };
}

function toConfigFacts(configs: readonly TopicConfig[]): Pick<FrozenTopic, 'timestampType' | 'configs'> {
  const type = configs.find(({ name }) => name === 'message.timestamp.type')?.value;
  const own = configs.filter(({ isOwn }) => isOwn).map(({ name, value }) => [name, value] as const);
  return {
    timestampType: type === 'LogAppendTime' ? type : 'CreateTime',
    configs: Object.fromEntries(own.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

async function freezePartitions(cluster: KafkaCluster, topic: string): Promise<readonly FrozenPartition[]> {
  const starts = await readLogStarts(cluster, topic);
  const stable = await readStableEnds(cluster, topic);
  const ends = await readLogEnds(cluster, topic);
  return [...stable].map(([partition, end]) => {
    const start = starts.get(partition) ?? 0n;
    // Retention may have come between the two answers.
    const endOffset = end > start ? end : start;
    return { partition, startOffset: start, endOffset, undecided: (ends.get(partition) ?? endOffset) - end };
  });
}

async function freezeGroups(cluster: KafkaCluster, topics: ReadonlySet<string>): Promise<readonly FrozenGroup[]> {
  const groups: FrozenGroup[] = [];
  for (const name of await listGroups(cluster)) {
    const commits = (await readAllCommitted(cluster, name)).filter(({ topic }) => topics.has(topic));
    if (commits.length > 0) groups.push({ name, commits });
  }
  return groups;
}
