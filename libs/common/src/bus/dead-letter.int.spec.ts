import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { createDeadLetterBox, type DeadLetter } from './dead-letter.js';
import { headerText } from './kafka-headers.js';
import { readLogEnds } from './kafka-log.js';
import { BusPublisher } from './producer.js';
import { findLastRecord } from './records/find-record.js';
import type { LogRecord } from './records/log-slice.js';
import { DEAD_LETTER } from './topics/topics.js';

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
  await bed.topic(DEAD_LETTER, 1, { 'max.message.bytes': '10000' });
});
afterAll(() => bed.close());

const letter = (value: Buffer, more: Partial<DeadLetter> = {}): DeadLetter => ({
  topic: 'backup.requested',
  partition: 1,
  offset: '42',
  timestamp: '1795255200000',
  group: 'executor',
  key: Buffer.from('shop'),
  value,
  headers: { ce_id: Buffer.from('e-1'), absent: undefined },
  error: new AppError('request.invalid', 'it is not valid', { issues: ['a: wrong', 'b: missing'] }),
  ...more,
});

async function put(...about: Parameters<typeof letter>): Promise<LogRecord> {
  const publisher = new BusPublisher(bed.kafka);
  bed.onClose(() => publisher.close());
  await createDeadLetterBox(publisher, { topicPrefix: bed.prefix }).put(letter(...about));
  const topic = bed.prefix + DEAD_LETTER;
  const toOffset = (await readLogEnds(bed.cluster, topic)).get(0) ?? 0n;
  const range = { topic, partition: 0, fromOffset: 0n, toOffset };
  const record = await findLastRecord(bed.cluster, range, AbortSignal.timeout(9_000));
  if (record === undefined) throw new Error('there is no dead letter');
  return record;
}

describe('a dead letter', () => {
  it('keeps key, bytes and headers, and says why and from where; one that is too large says so and points at the original', async () => {
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
    expect(headerText(large.headers, 'ce_id')).toBe('e-1');
  });

  it('finds its place whatever the original is made of', async () => {
    const bulk = 'x'.repeat(20_000);
    const issues = Array.from({ length: 1_000 }, () => bulk);
    const { key, headers } = await put(Buffer.alloc(0), {
      key: Buffer.from(bulk),
      headers: { bulk },
      error: new AppError('request.invalid', bulk, { issues }),
    });
    expect(key).toBeNull();
    expect(Object.keys(headers)).not.toContain('bulk');
    const omitted = ['holdfast-key-omitted', 'holdfast-headers-omitted'].map((name) => headerText(headers, name));
    expect(omitted).toEqual(['20000 bytes', '20004 bytes']);
    expect(JSON.parse(headerText(headers, 'holdfast-issues') ?? '').at(-1)).toBe('and 980 more');
  });

  it('finds its place though what came was small only while it was compressed', async () => {
    const { headers } = await put(Buffer.alloc(110 * 1024 * 1024));
    expect(headerText(headers, 'holdfast-value-omitted')).toMatch(/^115343360 bytes/);
  });

  it('keeps what it can of a header that has a value once and once none', async () => {
    const twice = [Buffer.from('a'), null as unknown as Buffer];
    const { headers } = await put(Buffer.alloc(0), { headers: { twice } });
    expect(headerText(headers, 'twice')).toBe('a');
  });
});
