import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readLogEnds } from '#common/bus/kafka-log.js';
import { BusPublisher } from '#common/bus/producer.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { anEvent, CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { KafkaTestBed, until } from '#common/testing/kafka-test-bed.js';
import { type Relay, startRelay } from './relay.js';

let catalogBed: CatalogTestBed;
let bed: KafkaTestBed;
let relay: Relay;

beforeAll(async () => {
  [catalogBed, bed] = await Promise.all([CatalogTestBed.open(), KafkaTestBed.open()]);
  const publisher = new BusPublisher(bed.kafka, bed.prefix);
  bed.onClose(() => publisher.close());
  relay = startRelay({
    ...{ catalog: catalogBed.catalog, owner: 'spec', logger: silentLogger },
    publish: (events) => publisher.publish(events),
  });
});
afterAll(async () => {
  await relay?.stop();
  await Promise.all([bed?.close(), catalogBed?.close()]);
});

const add = (type: string, id: string) =>
  catalogBed.catalog.transaction((tx) => tx.outbox.add(anEvent(id, type), { topic: bed.prefix + type, key: 'shop' }));

const waiting = async () => (await catalogBed.catalog.transaction((tx) => tx.outbox.lag())).unpublished;

const countOn = async (topic: string): Promise<number> => Number((await readLogEnds(bed.cluster, topic)).get(0) ?? 0n);

describe('the relay and a real bus', () => {
  it('publishes what it can while a topic is gone, and the rest when it is there again', async () => {
    const topic = await bed.topic('backup.completed');
    for (const n of [1, 2, 3]) await add('restore.completed', `restore-${n}`);
    for (const n of [1, 2, 3]) await add('backup.completed', `backup-${n}`);
    await until('only the events of the topic that is gone wait', async () => (await waiting()) === 3);
    expect(await countOn(topic)).toBeGreaterThanOrEqual(3);
    const back = await bed.topic('restore.completed');
    await until('nothing waits', async () => (await waiting()) === 0);
    expect(await countOn(back)).toBeGreaterThanOrEqual(3);
  });
});
