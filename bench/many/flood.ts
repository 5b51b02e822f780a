import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toKafkaMessage } from '#common/bus/cloud-event-codec.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import type { KafkaTestBed } from '#common/testing/kafka-test-bed.js';

/** Each request comes so often. */
const TIMES = 10;
/** Of one produce request: as a client writes that has much to say. */
const BATCH = 500;

const SOURCE = 'urn:bench:flood';

/** Valid requests for all datasets in turn, most of them repetitions, on the bus as fast as it takes them. Returns how many differ. */
export async function publishFlood(bus: KafkaTestBed, datasets: readonly string[], requests: number): Promise<number> {
  const distinct = Math.ceil(requests / TIMES);
  const ids = Array.from({ length: distinct }, () => randomUUID());
  const toMessage = (index: number) => {
    const dataset = datasets[index % datasets.length] ?? '';
    const id = ids[index % distinct] ?? '';
    const event = BackupRequested.create({ dataset, method: 'dump' }, { id, source: SOURCE, time: new Date() });
    return toKafkaMessage(event, dataset);
  };
  for (let start = 0; start < requests; start += BATCH) {
    const messages = Array.from({ length: Math.min(BATCH, requests - start) }, (_, index) => toMessage(start + index));
    await bus.producer.send({ topic: bus.prefix + BackupRequested.type, messages });
  }
  return distinct;
}

/** Until a consumer group has read and committed everything on a topic. */
export async function untilRead({ admin, prefix }: KafkaTestBed, group: string, type: string): Promise<void> {
  const topic = prefix + type;
  for (;;) {
    const ends = await admin.fetchTopicOffsets(topic);
    const [read] = await admin.fetchOffsets({ groupId: prefix + group, topics: [topic] });
    const committed = new Map(read?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    if (ends.every(({ partition, high }) => Number(high) === 0 || (committed.get(partition) ?? -1) >= Number(high)))
      return;
    await sleep(500);
  }
}
