import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toKafkaMessage } from '#common/bus/cloud-event-codec.js';
import { createDeadLetterBox } from '#common/bus/dead-letter.js';
import { BusPublisher } from '#common/bus/producer.js';
import { DEAD_LETTER } from '#common/bus/topics/topics.js';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import { BreakableKafka } from '#common/testing/breakable-kafka.js';
import { KafkaTestBed, noLosses, silentLogger, until } from '#common/testing/kafka-test-bed.js';
import { HoldfastKafkaServer } from './holdfast-kafka-server.js';

const MIB = 2 ** 20;
const [MESSAGES, PARTITIONS] = [400, 8];

let bed: KafkaTestBed;
let topic: string;
let publisher: BusPublisher;

beforeAll(async () => {
  bed = await KafkaTestBed.open();
  topic = await bed.topic(BackupRequested.type, PARTITIONS);
  await bed.topic(DEAD_LETTER);
  publisher = new BusPublisher(bed.kafka, bed.prefix);
  bed.onClose(() => publisher.close());
});
afterAll(() => bed.close());

/** Random, so that no codec makes it small; unknown fields are allowed, so it is a valid request all the same. */
function aLargeMessage(index: number) {
  const id = String(index);
  const event = BackupRequested.create({ dataset: 'shop' }, { id, source: '/spec', time: new Date() });
  const note = randomBytes(49_152).toString('base64');
  return toKafkaMessage({ ...event, data: { ...(event.data as object), note } }, `key-${index % 64}`);
}

async function publishFlood(): Promise<number> {
  let bytes = 0;
  for (let start = 0; start < MESSAGES; start += 50) {
    const messages = Array.from({ length: 50 }, (_, index) => aLargeMessage(start + index));
    bytes += messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    await bed.producer.send({ topic, messages });
  }
  return bytes;
}

describe('a flood of requests while the catalog is away', () => {
  it('waits on the bus and not in memory, and loses nothing afterwards', async () => {
    const floodBytes = await publishFlood();
    expect(floodBytes).toBeGreaterThan(20 * MIB);
    const wire = new BreakableKafka();
    const taken: string[] = [];
    let isAway = true;
    let tries = 0;
    const server = new HoldfastKafkaServer({
      ...{ kafka: wire.kafka, groupId: `${bed.prefix}flood`, topicPrefix: bed.prefix, logger: silentLogger },
      ...{ deadLetters: createDeadLetterBox(publisher, { topicPrefix: bed.prefix }), backoffMs: 20 },
      losses: noLosses,
      sessionTimeoutMs: 6_000,
    });
    const handle = async ({ id }: Event<unknown>): Promise<void> => {
      tries += 1;
      if (isAway) throw new AppError('catalog.unavailable', 'the catalog is away');
      taken.push(id);
    };
    server.addHandler(BackupRequested.type, handle, true);
    await server.listen((error) => expect(error).toBeUndefined());
    try {
      await until('it is tried', () => tries > 10);
      // Several of the pauses after which a consumer fetches again.
      await sleep(2_000);
      expect(taken).toEqual([]);
      expect(wire.bytesRead).toBeLessThan(3 * MIB);
      isAway = false;
      while (new Set(taken).size < MESSAGES) await sleep(50);
      expect(taken).toHaveLength(MESSAGES);
    } finally {
      await server.close();
    }
  });
});
