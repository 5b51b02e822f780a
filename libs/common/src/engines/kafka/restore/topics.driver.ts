import { listGroups } from '#common/bus/kafka-groups.js';
import type { TopicAdmin } from '#common/bus/topics/topic-admin.js';
import { readTopicIds } from '#common/bus/topics/topic-ids.js';
import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoredBy,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { Findings } from '#common/engines/findings.js';
import { toMissingRules } from '#common/engines/kafka/access-rules.js';
import { type KafkaTarget, type TopicsManifest, withKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';
import { SAME, toNames, toPrefix } from './destination.js';
import { endRestore } from './end-restore.js';
import { assertFilled, beginTopic, type FilledTopic, fillTopics, type TopicsWork } from './fill-topics.js';
import { fenceDestination, type KafkaFence } from './restore-fence.js';
import { restoreGroups, toRestoredCommits } from './restore-groups.js';
import { journalName, writeRestoreJournal } from './restore-journal.js';
import { sweepTopics } from './sweep-topics.js';
import { finishTopic } from './topic-settings.js';
import { describeTopicsPlan, type Order, planTopics, type Question, type TopicsPlan } from './topics-plan.js';

/**
 * Brings topics back under their names, under others, or behind what is there. The log of a topic is its own journal: how many records it has
 * says where to go on, and its digest that they are the backup's.
 */
export class TopicsDriver implements RestoreDriver<KafkaTarget, TopicsFacts, TopicsPlan, KafkaFence> {
  readonly strategies = ['new', 'append'];
  readonly findings = {
    createdTopics: 'topics made',
    refusedConfigs: 'settings that this cluster does not take',
    changedTimestampType: 'records that say CreateTime now, at the time that the broker had set',
    missingAcls: 'access rules of the backup that this cluster does not have, each as the command that gives it',
    unmovedGroups: 'groups to be placed by hand, for the records were appended',
    lost: 'not in the backup',
  };
  readonly describe = describeTopicsPlan;

  constructor(readonly method: 'topics' | 'incremental') {}

  /** Throws: bus.unavailable. */
  plan(question: Question, _signal: AbortSignal): Promise<TopicsPlan> {
    return withKafka(question.target.connection, 'holdfast-plan', (kafka) => planTopics(kafka, question));
  }

  fence({ target, destination, identity }: Order, o: FenceOptions): Promise<KafkaFence> {
    return fenceDestination(target.connection, destination, { ...o, identity });
  }

  async isDone({ destination }: Order, { kafka }: KafkaFence, doneMark: string): Promise<boolean> {
    const made = JSON.parse(doneMark) as Record<string, string | null>;
    const found = await readTopicIds(kafka.cluster, Object.keys(made));
    if (Object.entries(made).some(([name, id]) => id === null || found[name] !== id)) return false;
    await forgetJournal(kafka.admin, destination);
    return true;
  }

  /** Topics and groups below the drill's prefix, which no other restore ever has. */
  discard({ target, destination }: RestoredBy<KafkaTarget>): Promise<void> {
    return withKafka(target.connection, 'holdfast-discard', async ({ admin, cluster }) => {
      if (toPrefix(destination) === undefined) return;
      for (const { name } of await admin.list()) if (name.startsWith(destination)) await admin.remove(name);
      await admin.removeGroups((await listGroups(cluster)).filter((name) => name.startsWith(destination)));
    });
  }

  /** Throws: backup.corrupt, bus.unavailable, kafka.*; the abort reason. */
  async apply(order: Order, work: TopicsWork, signal: AbortSignal): Promise<void> {
    const { plan, fence, remember } = work;
    await remember({ findings: { createdTopics: plan.topics.filter(isMade).map(({ name }) => name) } });
    const topics: FilledTopic[] = [];
    try {
      for (const planned of plan.topics) topics.push(await beginTopic(planned, order, work, signal));
      await fillTopics(topics, order, work, signal);
      for (const topic of topics) await assertFilled(topic, fence);
    } catch (error) {
      await dropForeign(error, plan, fence);
      throw error;
    }
    await finish(topics, order, work);
  }

  remarks({ snapshot }: TopicsManifest): Findings {
    const partitions = snapshot.topics.flatMap(({ name, partitions: of }) => of.map((each) => ({ name, ...each })));
    return {
      changedTimestampType: snapshot.topics
        .filter((each) => each.timestampType === 'LogAppendTime')
        .map(({ name }) => name),
      lost: partitions
        .filter(({ trimmed }) => trimmed > 0)
        .map(({ name, partition, trimmed }) => `${name}/${partition}: ${trimmed} offsets expired during the backup`),
    };
  }

  end(target: KafkaTarget, identity: AttemptIdentity, _signal: AbortSignal): Promise<void> {
    return endRestore(target, identity);
  }

  sweep(target: KafkaTarget, stateOf: StateOf, _signal: AbortSignal): Promise<Swept> {
    return sweepTopics(target, stateOf);
  }
}

const isMade = ({ state, journal }: TopicsPlan['topics'][number]): boolean =>
  state === 'absent' || journal.some((entry) => entry.isMade);

async function finish(
  topics: readonly FilledTopic[],
  order: Order,
  { plan, fence, remember }: TopicsWork,
): Promise<void> {
  const { kafka } = fence;
  const { destination, target, strategy, manifest } = order;
  const isAppended = strategy === 'append';
  if (isAppended) await remember({ findings: { unmovedGroups: manifest.snapshot.groups.map(({ name }) => name) } });
  else {
    const refused: string[] = [];
    for (const { planned } of topics) {
      const names = await finishTopic(kafka, planned.name, planned.source);
      refused.push(...names.map((name) => `${planned.name}: ${name}`));
    }
    const missingAcls = await findMissingRules(kafka, order);
    await remember({ findings: { refusedConfigs: refused, missingAcls } });
    await restoreGroups(kafka, toRestoredCommits(manifest.snapshot, toNames(destination, target), toBaseOf(topics)));
  }
  const whole = topics.flatMap(({ journal }) => journal).map((entry) => ({ ...entry, isWhole: true }));
  await writeRestoreJournal(kafka.cluster, destination, whole);
  await remember({ doneMark: JSON.stringify(Object.fromEntries(topics.map(({ planned, id }) => [planned.name, id]))) });
  if (plan.topics.length > 0) await forgetJournal(kafka.admin, destination);
}

/** People decide who may do what: the restore names what is missing, and makes no rule. Topics under other names have no rules to compare. */
async function findMissingRules({ admin }: KafkaFence['kafka'], { destination, manifest }: Order): Promise<string[]> {
  const { acls } = manifest.snapshot;
  if (acls === null || acls.length === 0 || destination !== SAME) return [];
  return toMissingRules(acls, (await admin.readAcls()) ?? []);
}

const toBaseOf =
  (topics: readonly FilledTopic[]) =>
  (topic: string, partition: number): bigint => {
    const { journal = [] } = topics.find(({ planned }) => planned.source.name === topic) ?? {};
    return journal.find((entry) => entry.partition === partition)?.baseOffset ?? 0n;
  };

/** A journal that is gone already is forgotten. */
const forgetJournal = (admin: TopicAdmin, destination: string): Promise<void> =>
  admin.removeGroups([journalName(destination)]).catch(() => undefined);

/** A topic of ours that another one has written to is of no use any more: the next attempt makes it anew. */
async function dropForeign(error: unknown, plan: TopicsPlan, { kafka }: KafkaFence): Promise<void> {
  if (!(error instanceof AppError) || error.code !== 'kafka.destination-changed') return;
  const ours = plan.topics.find((each) => each.name === error.context['topic'] && isMade(each));
  if (ours !== undefined) await kafka.admin.remove(ours.name);
}
