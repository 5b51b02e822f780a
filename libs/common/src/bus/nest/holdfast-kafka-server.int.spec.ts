import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import kafkajs from 'kafkajs';
import { toKafkaMessage } from '#common/bus/cloud-event-codec.js';
import { createDeadLetterBox } from '#common/bus/dead-letter.js';
import { readCommitted } from '#common/bus/kafka-groups.js';
import { headerText, type IHeaders } from '#common/bus/kafka-headers.js';
import { readLogEnds } from '#common/bus/kafka-log.js';
import { BusPublisher } from '#common/bus/producer.js';
import type { LogRecord } from '#common/bus/records/log-slice.js';
import { readRange } from '#common/bus/records/read-range.js';
import { DEAD_LETTER } from '#common/bus/topics/topics.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import { KafkaTestBed, kcatProduce, noLosses, silentLogger, until } from '#common/testing/kafka-test-bed.js';
import type { BusContext } from './bus-context.js';
import { busController } from './bus-controller.js';
import { HoldfastKafkaServer } from './holdfast-kafka-server.js';

const { CompressionTypes } = kafkajs;

type Requested = Event<DataOf<typeof BackupRequested>>;

/** What the service under test did, and how its handler is to fail. */
const seen: { readonly ids: string[]; readonly events: Requested[]; failures: Error[] } = {
  ids: [],
  events: [],
  failures: [],
};

async function handle(event: Event<unknown>, context: BusContext): Promise<void> {
  expect(context.partition).toBe(0);
  seen.ids.push(event.id);
  const failure = seen.failures.shift();
  if (failure !== undefined) throw failure;
  seen.events.push(event as Requested);
}

@Module({ controllers: [busController([BackupRequested.type], handle)] })
class IntakeModule {}

let bed: KafkaTestBed;
let publisher: BusPublisher;
let [topic, deadLetterTopic, service] = ['', '', undefined as INestMicroservice | undefined];

beforeAll(async () => {
  bed = await KafkaTestBed.open();
  publisher = new BusPublisher(bed.kafka, bed.prefix);
  [topic, deadLetterTopic] = [await bed.topic(BackupRequested.type), await bed.topic(DEAD_LETTER)];
  bed.onClose(() => publisher.close());
  await start();
});
afterEach(() => {
  seen.ids.length = 0;
  seen.events.length = 0;
  seen.failures = [];
});
afterAll(async () => {
  await service?.close();
  await bed.close();
});

const group = (): string => `${bed.prefix}intake`;

async function start(): Promise<void> {
  const { kafka, prefix: topicPrefix } = bed;
  const deadLetters = createDeadLetterBox(publisher, { topicPrefix });
  const options = { kafka, groupId: group(), topicPrefix, deadLetters, logger: silentLogger, losses: noLosses };
  const strategy = new HoldfastKafkaServer({ ...options, sessionTimeoutMs: 6_000, backoffMs: 20 });
  service = await NestFactory.createMicroservice(IntakeModule, { strategy, logger: false });
  await service.listen();
}

async function stop(): Promise<void> {
  await service?.close();
  service = undefined;
}

const good = (id: string): Requested =>
  BackupRequested.create({ dataset: 'shop' }, { id, source: '/spec', time: new Date() });

const publish = (id: string): Promise<void> => publisher.publish([{ event: good(id), key: 'shop' }]);

const handled = (id: string): Promise<void> =>
  until(`${id} is handled`, () => seen.events.some((event) => event.id === id));

async function deadLetters(): Promise<LogRecord[]> {
  const toOffset = (await readLogEnds(bed.cluster, deadLetterTopic)).get(0) ?? 0n;
  const range = { topic: deadLetterTopic, partition: 0, fromOffset: 0n, toOffset };
  const letters: LogRecord[] = [];
  for await (const { records } of readRange(bed.cluster, range, { signal: AbortSignal.timeout(9_000) }))
    letters.push(...records);
  return letters;
}

async function lastLetter(): Promise<LogRecord> {
  const letter = (await deadLetters()).at(-1);
  if (letter === undefined) throw new Error('there is no dead letter');
  return letter;
}

async function committed(): Promise<bigint | undefined> {
  return (await readCommitted(bed.cluster, group(), topic)).get(0)?.offset;
}

/** The one member of the group: another id would mean that the consumer had crashed and come again. */
async function member(): Promise<{ readonly memberId: string | undefined }> {
  const { groups } = await bed.admin.describeGroups([group()]);
  return { memberId: groups[0]?.members[0]?.memberId };
}

const ends = async (): Promise<bigint | undefined> => (await readLogEnds(bed.cluster, topic)).get(0);

const binary = (id: string, ...more: readonly string[]): string[] =>
  [`ce_id=${id}`, 'ce_specversion=1.0', 'ce_source=/kcat', 'ce_type=backup.requested', ...more].flatMap((h) => [
    '-H',
    h,
  ]);

const STRUCTURED = { 'content-type': 'application/cloudevents+json' };

describe('a Nest microservice on the bus', () => {
  it('hands an event to its handler, in its current version, and then commits its offset', async () => {
    await publish('first');
    await handled('first');
    expect(seen.events[0]).toMatchObject({ type: 'backup.requested', data: { dataset: 'shop' } });
    await until('the offset is committed', async () => (await committed()) === (await ends()));
  });

  it.each([
    ['binary mode', (id: string) => binary(id), JSON.stringify({ dataset: 'shop' })],
    [
      'binary mode compressed with snappy',
      (id: string) => [...binary(id), '-z', 'snappy'],
      JSON.stringify({ dataset: 'shop' }),
    ],
    [
      'structured mode',
      () => ['-H', 'content-type=application/cloudevents+json; charset=UTF-8'],
      JSON.stringify({
        specversion: '1.0',
        id: 'kcat-structured-mode',
        source: '/kcat',
        type: 'backup.requested',
        data: { dataset: 'shop' },
      }),
    ],
  ])('honours what kcat writes in %s', async (name, options, value) => {
    const id = `kcat-${name.replaceAll(' ', '-')}`;
    await kcatProduce(topic, value, options(id));
    await handled(id);
  });

  it.each([
    ['malformed JSON', binary('bad'), '{"dataset":', 'is not JSON'],
    ['a missing ce_type', ['-H', 'ce_id=bad', '-H', 'ce_specversion=1.0', '-H', 'ce_source=/kcat'], '{}', 'type: '],
    [
      'an unknown version',
      binary('bad', 'ce_dataschema=urn:holdfast:event:backup.requested:99'),
      '{"dataset":"shop"}',
      ':99',
    ],
    ['an unknown type', binary('bad', 'ce_type=backup.imagined'), '{"dataset":"shop"}', 'backup.imagined'],
    ['a type of another topic', binary('bad', 'ce_type=restore.requested'), '{}', 'does not belong'],
    ['data that is not valid', binary('bad'), '{"dataset":"NO","method":7}', 'method'],
    ['a plain text', [], 'hello', 'neither ce_* headers'],
    [
      'a whole event sent as plain JSON',
      ['-H', 'content-type=application/json'],
      '{"specversion":"1.0","id":"1","source":"/kcat","type":"backup.requested","data":{"dataset":"shop"}}',
      'found content type "application/json"; its value is an event in structured mode, which wants content type "application/cloudevents+json"',
    ],
  ])('answers %s with a dead letter and moves on', async (name, options, value, reason) => {
    const offset = String(await ends());
    await kcatProduce(topic, value, options);
    await publish(`after-${name}`);
    await handled(`after-${name}`);
    const letter = await lastLetter();
    expect(letter.value?.toString()).toBe(value);
    expect(headerText(letter.headers, 'holdfast-code')).toBe('request.invalid');
    expect(headerText(letter.headers, 'holdfast-reason')).toContain(reason);
    const coordinates = ['topic', 'partition', 'offset'].map((part) => headerText(letter.headers, `holdfast-${part}`));
    expect(coordinates).toEqual([topic, '0', offset]);
  });

  it.each<[string, IHeaders, object]>([
    ['data_base64 that is no text', STRUCTURED, { data_base64: { toString: 1 } }],
    ['a datacontenttype that is no text', STRUCTURED, { data_base64: 'e30=', datacontenttype: { toString: 1 } }],
    ['headers with the names of what every object has', JSON.parse('{"constructor":"a","__proto__":"b"}'), {}],
    ['thousands of headers', Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`x-${n}`, ''])), {}],
  ])('buries whatever its codec cannot read: %s', async (name, headers, value) => {
    const offset = String(await ends());
    await bed.producer.send({ topic, messages: [{ headers, value: JSON.stringify(value) }] });
    await publish(`after-${name}`);
    await handled(`after-${name}`);
    const letter = await lastLetter();
    expect(headerText(letter.headers, 'holdfast-code')).toBe('request.invalid');
    expect(headerText(letter.headers, 'holdfast-offset')).toBe(offset);
    const kept = new Set(Object.keys(letter.headers));
    expect(Object.keys(headers).filter((header) => !kept.has(header))).toEqual([]);
  });

  it.each([
    ['gzip', CompressionTypes.GZIP],
    ['snappy', CompressionTypes.Snappy],
    ['lz4', CompressionTypes.LZ4],
    ['zstd', CompressionTypes.ZSTD],
  ])('refuses a batch that %s unpacks to more than the bound, once, and goes on', async (name, compression) => {
    const [letters, offset] = [(await deadLetters()).length, String(await ends())];
    const { memberId } = await member();
    await bed.producer.send({ topic, compression, messages: [{ value: Buffer.alloc(17 * 1024 * 1024) }] });
    await publish(`after-${name}`);
    await handled(`after-${name}`);
    expect(await deadLetters()).toHaveLength(letters + 1);
    const { headers, value } = await lastLetter();
    expect(headerText(headers, 'holdfast-reason')).toContain('unpacks to more than 16777216 bytes');
    expect(headerText(headers, 'holdfast-offset')).toBe(offset);
    expect(value?.length).toBeLessThan(1024 * 1024);
    expect(await member()).toEqual({ memberId });
  });

  it('takes all of what several large batches of one fetch hold', async () => {
    const ids = Array.from({ length: 5 }, (_, number) => `large-${number}`);
    const filler = ' '.repeat(10 * 1024 * 1024);
    for (const id of ids) {
      const { headers, value } = toKafkaMessage(good(id), 'shop');
      const messages = [{ headers, value: value.toString() + filler }];
      await bed.producer.send({ topic, compression: CompressionTypes.ZSTD, messages });
    }
    for (const id of ids) await handled(id);
    expect(seen.ids).toEqual(ids);
  });

  it('lists every issue of a dead letter and keeps the headers it had', async () => {
    await kcatProduce(topic, '{"dataset":7,"method":7}', binary('many', 'x-note=keep me'));
    await publish('after-many');
    await handled('after-many');
    const { headers } = await lastLetter();
    expect(JSON.parse(headerText(headers, 'holdfast-issues') ?? '')).toHaveLength(2);
    expect(headerText(headers, 'x-note')).toBe('keep me');
  });

  it('tries again what may succeed later, in place, and loses nothing', async () => {
    seen.failures = Array.from({ length: 3 }, () => new AppError('catalog.unavailable', 'the catalog is away'));
    const letters = (await deadLetters()).length;
    await publisher.publish(['retried', 'behind-it'].map((id) => ({ event: good(id), key: 'shop' })));
    await handled('behind-it');
    expect(seen.ids).toEqual(['retried', 'retried', 'retried', 'retried', 'behind-it']);
    expect(await deadLetters()).toHaveLength(letters);
  });

  it.each([
    ['refuses for good', new AppError('request.refused', 'dataset is unknown'), 'request.refused'],
    ['throws an unexpected error', new TypeError('x is undefined'), 'internal.bug'],
  ])('makes a dead letter of an event whose handler %s', async (name, failure, code) => {
    seen.failures = [failure];
    await publish(name);
    await publish(`after-${name}`);
    await handled(`after-${name}`);
    expect(seen.ids).toEqual([name, `after-${name}`]);
    const { headers } = await lastLetter();
    expect([headerText(headers, 'holdfast-code'), headerText(headers, 'holdfast-reason')]).toEqual([
      code,
      failure.message,
    ]);
  });

  it('starts after a restart where it had committed, with what came meanwhile', async () => {
    await publish('before-restart');
    await handled('before-restart');
    await stop();
    expect(await committed()).toBe(await ends());
    await publish('while-away');
    seen.ids.length = 0;
    await start();
    await handled('while-away');
    expect(seen.ids).toEqual(['while-away']);
  });

  it('gets again, after a stop, what it was still trying', async () => {
    seen.failures = Array.from({ length: 1_000 }, () => new AppError('catalog.unavailable', 'the catalog is away'));
    await publish('unfinished');
    await until('it was tried', () => seen.ids.includes('unfinished'));
    await stop();
    expect((await committed()) ?? 0n).toBe(((await ends()) ?? 0n) - 1n);
    seen.failures = [];
    await start();
    await handled('unfinished');
  });
});
