import { describeGroup } from '#common/bus/kafka-groups.js';
import { readTopicIds } from '#common/bus/topics/topic-ids.js';
import type { RestoreOrder, RestorePlan, RestoreQuestion } from '#common/engines/engine.js';
import type { KafkaTarget, OpenKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicFacts, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { findNameProblem, toNames } from './destination.js';
import { isEmpty, isMadeTopic } from './made-topic.js';
import { type Intention, type JournalEntry, readRestoreJournal } from './restore-journal.js';

export type Order = RestoreOrder<KafkaTarget, TopicsFacts>;
export type Question = RestoreQuestion<KafkaTarget, TopicsFacts>;
type Asked = Pick<Question, 'manifest' | 'target' | 'destination' | 'strategy'>;

export interface PlannedTopic {
  readonly source: TopicFacts;
  readonly name: string;
  /** `begun`: an earlier attempt at a restore of this backup to this destination has made or begun it. */
  readonly state: 'absent' | 'empty' | 'filled' | 'begun';
  readonly id: string | null;
  readonly partitions: number;
  readonly journal: readonly JournalEntry[];
}

export interface TopicsPlan extends RestorePlan {
  readonly topics: readonly PlannedTopic[];
  readonly groups: readonly string[];
}

/** Throws: bus.unavailable. */
export async function planTopics(kafka: OpenKafka, asked: Asked): Promise<TopicsPlan> {
  const { manifest, target, destination, strategy } = asked;
  const { snapshot } = manifest;
  const names = toNames(destination, target);
  const nameProblem = findNameProblem(snapshot, names);
  const topics = nameProblem === undefined ? await lookAtTopics(kafka, asked) : [];
  const groups = strategy === 'append' ? [] : snapshot.groups.map(({ name }) => names.group(name));
  const refusals = [
    ...(nameProblem === undefined ? [] : [new AppError('request.invalid', nameProblem)]),
    ...topics.flatMap((topic) => findObstacle(topic, strategy)),
    ...(await findActive(kafka, groups)),
  ];
  return {
    ...{ target: target.name, destination, strategy, topics, groups, refusals: refusals.map(toProblem) },
    exists: topics.some(({ state }) => state !== 'absent'),
  };
}

/** For people. */
export const describeTopicsPlan = ({ topics, groups, strategy }: TopicsPlan): Record<string, string | string[]> => {
  const named = (state: PlannedTopic['state']): string[] =>
    topics.filter((topic) => topic.state === state).map(({ source, name }) => toArrow(source.name, name));
  return {
    'topics to be made': named('absent'),
    'empty topics to be filled': named('empty'),
    'topics that an earlier attempt has begun': named('begun'),
    'topics with records': named('filled'),
    'groups whose offsets are set': strategy === 'append' ? 'none, for the records get other offsets' : [...groups],
  };
};

const toArrow = (from: string, to: string): string => (from === to ? to : `${from} → ${to}`);

async function lookAtTopics(kafka: OpenKafka, { manifest, target, destination }: Asked): Promise<PlannedTopic[]> {
  const names = toNames(destination, target);
  const wanted = manifest.snapshot.topics.map((source) => ({ source, name: names.topic(source.name) }));
  const present = new Map((await kafka.admin.list()).map((topic) => [topic.name, topic]));
  const there = wanted.filter(({ name }) => present.has(name)).map(({ name }) => name);
  const ids = there.length === 0 ? {} : await readTopicIds(kafka.cluster, there);
  const { entries, intention } = await readRestoreJournal(kafka.cluster, destination);
  return Promise.all(
    wanted.map(async ({ source, name }) => {
      const id = ids[name] ?? null;
      const partitions = present.get(name)?.partitions ?? 0;
      if (partitions === 0) return { source, name, id, partitions, journal: [], state: 'absent' };
      const begun = entries.filter((entry) => entry.topic === name && entry.topicId === id);
      const isIntended = begun.length === 0 && intention?.topic === name && (await isMadeTopic(kafka, intention));
      const own = isIntended ? toEntries(source, { ...intention, topicId: id }) : begun;
      const journal = own.filter(({ backup }) => backup === manifest.backupId);
      if (journal.length > 0) return { source, name, id, partitions, journal, state: 'begun' };
      return { source, name, id, partitions, journal, state: (await isEmpty(kafka, name)) ? 'empty' : 'filled' };
    }),
  );
}

/** What the journal would say of a topic whose maker was killed before it wrote that. */
const toEntries = (
  { partitions }: TopicFacts,
  { run, backup, topic, topicId }: Intention & Pick<JournalEntry, 'topicId'>,
): JournalEntry[] =>
  partitions.map(({ partition, records }) => ({
    ...{ run, backup, topic, topicId, partition, records, isMade: true, isWhole: false, baseOffset: 0n },
  }));

function findObstacle({ source, name, state, partitions }: PlannedTopic, strategy: string): AppError[] {
  if (state === 'absent') return [];
  if (partitions !== source.partitions.length) {
    const said = `topic ${name} has ${partitions} partitions, and ${source.partitions.length} in the backup`;
    return [new AppError('kafka.topic-unfit', said, { topic: name })];
  }
  if (state !== 'filled' || strategy === 'append') return [];
  return [new AppError('kafka.topic-exists', `topic ${name} exists and is not empty`, { topic: name })];
}

async function findActive({ cluster }: OpenKafka, groups: readonly string[]): Promise<AppError[]> {
  const described = await Promise.all(groups.map((group) => describeGroup(cluster, group)));
  return described
    .filter(({ members }) => members > 0)
    .map(({ name, members }) => new AppError('kafka.group-active', `group ${name} has ${members} running members`));
}
