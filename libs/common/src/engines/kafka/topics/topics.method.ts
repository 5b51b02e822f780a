import type { BackupMethod, MadeBackup, OpenOptions } from '#common/engines/engine.js';
import { type KafkaDataset, openKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { freezeTopics, loadTopics } from './freeze-topics.js';
import { TopicsOutput } from './topics-output.js';

export const OBJECT_BYTES = 256 * 1024 * 1024;

/** Every record of the topics that was committed when the ends were frozen, with where the groups stood. */
export class TopicsMethod implements BackupMethod<KafkaDataset, TopicsFacts> {
  readonly name = 'topics';

  constructor(private readonly objectBytes = OBJECT_BYTES) {}

  /** Throws: bus.unavailable, bus.topic-missing. */
  async open(dataset: KafkaDataset, o: OpenOptions): Promise<TopicsOutput> {
    o.onStage?.('connect');
    const kafka = await openKafka(dataset.connection, o.applicationName ?? `holdfast topics ${dataset.name}`);
    try {
      const shapes = await loadTopics(kafka, dataset);
      o.onStage?.('snapshot');
      const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
      const frozen = await freezeTopics(kafka, shapes);
      const { sealing, signal } = o;
      return new TopicsOutput({ kafka, frozen, busPosition, sealing, signal, objectBytes: this.objectBytes });
    } catch (error) {
      await kafka.close();
      throw error;
    }
  }

  byHand(_made: MadeBackup<TopicsFacts>): readonly string[] {
    return topicsByHand;
  }
}

const CUT =
  '.topics[] | .name as $t | .partitions[] | .partition as $p | .pieces[] | "mkdir -p \\($t)-\\($p) && tail -c +\\(.startByte + 1) \\((if .backup then .backup + "/" else "" end) + .object) | head -c \\(.sizeBytes) > \\($t)-\\($p)/\\(("0" * 20 + .fromOffset)[-20:]).log"';
const CREATE =
  '.topics[] | "kafka-topics.sh --bootstrap-server \\($brokers) --create --topic \\(.name) --partitions \\(.partitions | length) --replication-factor \\(.replicationFactor)" + ([.configs | to_entries[] | " --config " + ("\\(.key)=\\(.value)" | @sh)] | join(""))';
const GROUPS =
  '.groups[] | .name as $g | .offsets[] | "kafka-consumer-groups.sh --bootstrap-server \\($brokers) --group \\($g | @sh) --topic \\(.topic):\\(.partition) --reset-offsets --to-offset \\(.offset) --execute"';

/** Names of topics stand in the facts, which an encrypted backup keeps inside its seal: these commands read them there. */
export const topicsByHand: readonly string[] = [
  '# facts.json: of an encrypted backup, its object of that name, opened as the files above; else: jq .facts manifest.json > facts.json',
  '# The files hold record batches in the format of the log files of a broker. Cut out the partitions, a directory for each:',
  `jq -r '${CUT}' facts.json | sh`,
  '# To look at them:',
  'for file in */*.log; do kafka-dump-log.sh --deep-iteration --print-data-log --files "$file"; done',
  '# To restore them with their offsets, make the topics on a cluster with one broker (BROKERS=host:9092):',
  `jq -r --arg brokers "$BROKERS" '${CREATE}' facts.json | sh`,
  '# Stop the broker. In its log.dirs delete the .log, .index, .timeindex and .snapshot files of each of these directories, copy the .log files there, and start it.',
  '# Then place the groups:',
  `jq -r --arg brokers "$BROKERS" '${GROUPS}' facts.json | sh`,
];
