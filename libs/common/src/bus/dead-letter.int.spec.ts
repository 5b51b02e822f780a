import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { createDeadLetterBox, type DeadLetter } from './dead-letter.js';
import { findLastRecord } from './find-record.js';
import { headerText } from './kafka-headers.js';
import { readLogEnds } from './kafka-log.js';
import type { LogRecord } from './log-slice.js';
import { BusPublisher } from './producer.js';
import { DEAD_LETTER } from './topics.js';

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
});
afterAll(() => bed.close());

const letter = (value: Buffer): DeadLetter => ({
  topic: 'backup.requested',
  partition: 1,
  offset: '42',
  timestamp: '1795255200000',
  group: 'executor',
  key: Buffer.from('shop'),
  value,
  headers: { ce_id: Buffer.from('e-1'), absent: undefined },
  error: new AppError('request.invalid', 'it is not valid', { issues: ['a: wrong', 'b: missing'] }),
});

async function put(value: Buffer): Promise<LogRecord> {
  const publisher = new BusPublisher(bed.kafka);
  bed.onClose(() => publisher.close());
  await createDeadLetterBox(publisher, { topicPrefix: bed.prefix }).put(letter(value));
  const topic = bed.prefix + DEAD_LETTER;
  const toOffset = (await readLogEnds(bed.cluster, topic)).get(0) ?? 0n;
  const range = { topic, partition: 0, fromOffset: 0n, toOffset };
  const record = await findLastRecord(bed.cluster, range, AbortSignal.timeout(9_000));
  if (record === undefined) throw new Error('there is no dead letter');
  return record;
}

describe('a dead letter', () => {
  it('keeps key, bytes and headers, and says why and from where; one that is too large says so and points at the original', async () => {
    await bed.topic(DEAD_LETTER, 1, { 'max.message.bytes': '10000' });
    const value = Buffer.from([0, 255, 1, 254]);
    const { key, headers, ...record } = await put(value);
    expect([String(key), record.value]).toEqual(['shop', value]);
    const texts = ['ce_id', 'holdfast-code', 'holdfast-reason', 'holdfast-issues', 'holdfast-topic', 'holdfast-offset'];
    expect(texts.map((name) => headerText(headers, name))).toEqual([
      'e-1',
      'request.invalid',
      'it is not valid',
      '["a: wrong","b: missing"]',
      'backup.requested',
      '42',
    ]);

    const large = await put(Buffer.alloc(20_000, 'x'));
    expect(large.value).toBeNull();
    expect(headerText(large.headers, 'holdfast-value-omitted')).toMatch(/^20000 bytes, sha256 [0-9a-f]{64}$/);
    expect(headerText(large.headers, 'holdfast-offset')).toBe('42');
  });
});
