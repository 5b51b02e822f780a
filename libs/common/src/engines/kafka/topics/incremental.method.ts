import type { BackupMethod, BackupSession, MadeBackup, OpenOptions } from '#common/engines/engine.js';
import { type KafkaDataset, openKafka } from '#common/engines/kafka/kafka-dataset.js';
import { TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';
import { continueFrom, type Parent } from './chain.js';
import { freezeTopics, loadTopics } from './freeze-topics.js';
import { OBJECT_BYTES, topicsByHand } from './topics.method.js';
import { TopicsOutput } from './topics-output.js';

/** What came into the topics since the newest backup of them, by offset. */
export class IncrementalTopicsMethod implements BackupMethod<KafkaDataset, TopicsFacts> {
  readonly name = 'incremental';

  constructor(private readonly objectBytes = OBJECT_BYTES) {}

  /** Throws: kafka.no-parent where there is nothing to build on; bus.unavailable, bus.topic-missing; sealing.*, repository.*. */
  async open(dataset: KafkaDataset, o: OpenOptions): Promise<BackupSession<TopicsFacts>> {
    const { parent, needs } = await findParent(dataset, o);
    o.onStage?.('connect');
    const kafka = await openKafka(dataset.connection, o.applicationName ?? `holdfast topics ${dataset.name}`);
    try {
      const shapes = await loadTopics(kafka, dataset);
      o.onStage?.('snapshot');
      const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
      const frozen = continueFrom(await freezeTopics(kafka, shapes), parent);
      const { sealing, signal } = o;
      const deps = { kafka, frozen, busPosition, sealing, signal, objectBytes: this.objectBytes };
      return new TopicsOutput({ ...deps, parent, needs });
    } catch (error) {
      await kafka.close();
      throw error;
    }
  }

  byHand(_made: MadeBackup<TopicsFacts>): readonly string[] {
    return topicsByHand;
  }
}

async function findParent(
  { name }: KafkaDataset,
  { findEarlier }: OpenOptions,
): Promise<{ readonly parent: Parent; readonly needs: readonly string[] }> {
  if (findEarlier === undefined) throw new AppError('internal.bug', 'an incremental backup knows no earlier ones');
  const found = await findEarlier({ methods: ['topics', 'incremental'], isFit: () => true });
  if (found === undefined) throw new AppError('kafka.no-parent', `there is no backup of dataset "${name}" to build on`);
  const { backupId, needs, snapshot } = found.manifest;
  return { parent: { backupId, facts: TopicsFacts.parse(snapshot) }, needs: [...needs, backupId] };
}
