import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { KafkaTestBed, kcatProduce } from '#common/testing/kafka-test-bed.js';
import { readLogEnds } from '../kafka-log.js';
import { readRange } from './read-range.js';

const { CompressionTypes } = kafkajs;
/** Repetitive enough that every client really compresses it, and larger than one 32 KiB block. */
const text = JSON.stringify({ lines: Array.from({ length: 3_000 }, (_, line) => `order ${line} of the shop`) });

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
});
afterAll(() => bed.close());

async function readAll(topic: string): Promise<string[]> {
  const toOffset = (await readLogEnds(bed.cluster, topic)).get(0) ?? 0n;
  const range = { topic, partition: 0, fromOffset: 0n, toOffset };
  const values: string[] = [];
  for await (const { records } of readRange(bed.cluster, range, { signal: AbortSignal.timeout(10_000) }))
    values.push(...records.map(({ value }) => value?.toString() ?? ''));
  return values;
}

describe('compressed batches', () => {
  it.each(['snappy', 'lz4', 'zstd', 'gzip'])('written by kcat with -z %s are read', async (codec) => {
    const topic = await bed.topic(`from-kcat-${codec}`);
    await kcatProduce(topic, text, ['-z', codec]);
    expect(await readAll(topic)).toEqual([text]);
  });

  it.each([
    ['snappy', CompressionTypes.Snappy],
    ['lz4', CompressionTypes.LZ4],
    ['zstd', CompressionTypes.ZSTD],
  ])('written by us with %s are read, and the broker accepts them', async (name, compression) => {
    const topic = await bed.topic(`from-us-${name}`);
    await bed.producer.send({ topic, compression, messages: [{ value: text }, { value: 'second' }] });
    expect(await readAll(topic)).toEqual([text, 'second']);
  });
});
