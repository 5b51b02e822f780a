import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { BreakableKafka } from '#common/testing/breakable-kafka.js';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { fromKafkaMessage } from './cloud-event-codec.js';
import { readLogEnds } from './kafka-log.js';
import { BusPublisher, type OutgoingEvent } from './producer.js';
import type { LogRecord } from './records/log-slice.js';
import { readRange } from './records/read-range.js';

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
});
afterAll(() => bed.close());

const outgoing = (id: string, dataset = 'shop'): OutgoingEvent => ({
  event: BackupRequested.create({ dataset }, { id, source: '/spec', time: new Date() }),
  key: dataset,
});

async function readAll(topic: string, partition: number): Promise<LogRecord[]> {
  const toOffset = (await readLogEnds(bed.cluster, topic)).get(partition) ?? 0n;
  const range = { topic, partition, fromOffset: 0n, toOffset };
  const records: LogRecord[] = [];
  for await (const slice of readRange(bed.cluster, range, { signal: AbortSignal.timeout(9_000) }))
    records.push(...slice.records);
  return records;
}

const idOf = ({ value, headers, timestamp }: LogRecord): string =>
  fromKafkaMessage({ value, headers, timestamp: String(timestamp) }).id;

describe('publishing', () => {
  it('goes to the topic of the type, in order per key', async () => {
    const topic = await bed.topic(BackupRequested.type, 3);
    const publisher = new BusPublisher(bed.kafka, bed.prefix);
    bed.onClose(() => publisher.close());
    const ids = Array.from({ length: 20 }, (_, n) => `e-${n}`);
    for (const id of ids) await publisher.publish([outgoing(id), outgoing(`${id}-other`, 'media')]);
    const read = (await Promise.all([0, 1, 2].map((partition) => readAll(topic, partition)))).flat();
    const ofShop = read.filter(({ key }) => String(key) === 'shop').map(idOf);
    expect(ofShop).toEqual(ids);
    expect(read).toHaveLength(40);
  });

  it('says so when the broker will never take an event, and takes the next one', async () => {
    const topic = await bed.topic('too-large');
    const publisher = new BusPublisher(bed.kafka);
    bed.onClose(() => publisher.close());
    const send = (value: Buffer) => publisher.send([{ topic, messages: [{ value }] }]);
    await expect(send(Buffer.alloc(3_000_000))).rejects.toMatchObject({ code: 'bus.refused' });
    await send(Buffer.from('small'));
    expect(await readAll(topic, 0)).toHaveLength(1);
  });

  it('fails while the bus is away and works again when it is back, with the same publisher', async () => {
    const wire = new BreakableKafka();
    const prefix = `${bed.prefix}outage.`;
    const topic = await bed.topic(`outage.${BackupRequested.type}`);
    const publisher = new BusPublisher(wire.kafka, prefix);
    bed.onClose(() => publisher.close());
    await publisher.publish([outgoing('before')]);
    wire.cut();
    await expect(publisher.publish([outgoing('during')])).rejects.toMatchObject({
      code: 'bus.unavailable',
      retryable: true,
    });
    wire.mend();
    await publisher.publish([outgoing('after')]);
    expect((await readAll(topic, 0)).map(idOf)).toEqual(['before', 'after']);
  });

  it('has written what was under way when it is closed', async () => {
    const prefix = `${bed.prefix}closing.`;
    const topic = await bed.topic(`closing.${BackupRequested.type}`);
    const publisher = new BusPublisher(bed.kafka, prefix);
    const publishing = Promise.all(['a', 'b', 'c'].map((id) => publisher.publish([outgoing(id)])));
    await publisher.close();
    expect((await readAll(topic, 0)).map(idOf).sort()).toEqual(['a', 'b', 'c']);
    await publishing;
  });

  it('says which topic is missing, creates none, and takes the events of another', async () => {
    const publisher = new BusPublisher(bed.kafka, `${bed.prefix}absent.`);
    bed.onClose(() => publisher.close());
    await expect(publisher.publish([outgoing('x')])).rejects.toMatchObject({
      code: 'bus.unavailable',
      context: { kafkaError: 'UNKNOWN_TOPIC_OR_PARTITION' },
      message: expect.stringContaining(`${bed.prefix}absent.backup.requested`),
    });
    const other = await bed.topic('other');
    await publisher.send([{ topic: other, messages: [{ value: 'there' }] }]);
    expect(await readAll(other, 0)).toHaveLength(1);
    expect(await bed.admin.listTopics()).not.toContain(`${bed.prefix}absent.backup.requested`);
  });
});
