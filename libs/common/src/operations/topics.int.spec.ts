import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompressionTypes, type Message } from 'kafkajs';
import type { Manifest } from '#common/contracts/manifest.js';
import { kafka } from '#common/engines/kafka/kafka.engine.js';
import { discardDrill } from '#common/operations/drill/run-drill.js';
import { type SeenRecord, TopicsTestBed } from '#common/testing/topics-test-bed.js';

let bed: TopicsTestBed;
beforeAll(async () => {
  bed = await TopicsTestBed.create();
}, 60_000);
afterAll(() => bed.close());

const AT = 1_700_000_000_000;

const messages = (from: number, count: number, partition: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({
    partition,
    key: index % 5 === 4 ? null : `key ${from + index}`,
    value: index % 7 === 6 ? null : `value ${from + index} ${'x'.repeat((from + index) % 300)}`,
    timestamp: String(AT + (from + index) * 1_000 - (index % 3) * 70_000),
    headers: index % 2 === 0 ? { trace: Buffer.from([from % 250, 255, 0]), many: ['a', 'b'] } : {},
  }));

async function fill(topic: string): Promise<void> {
  const codecs = [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy];
  for (const [index, compression] of [...codecs, CompressionTypes.LZ4, CompressionTypes.ZSTD].entries())
    for (const partition of [0, 1])
      await bed.bed.producer.send({ topic, compression, messages: messages(index * 40, 40, partition) });
}

/** What has to be equal: everything but the offset. */
const withoutOffsets = (partitions: readonly (readonly SeenRecord[])[]) =>
  partitions.map((records) => records.map(({ offset, ...record }) => record));

describe('topics that are backed up, deleted and restored', () => {
  let orders: string;
  let trimmed: string;
  let stamped: string;
  let group: string;
  let before: Record<string, SeenRecord[][]>;
  let configs: Record<string, string>;
  let manifest: Manifest;

  beforeAll(async () => {
    orders = await bed.bed.topic('orders', 3, { 'retention.ms': '-1', 'max.message.bytes': '2000000' });
    trimmed = await bed.bed.topic('trimmed', 2, { 'retention.ms': '-1' });
    stamped = await bed.bed.topic('stamped', 2, { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '-1' });
    for (const topic of [orders, trimmed, stamped]) await fill(topic);
    await bed.bed.transact(trimmed, ['committed 1', 'committed 2'], { end: 'commit', partition: 1 });
    await bed.bed.transact(trimmed, ['aborted 1', 'aborted 2', 'aborted 3'], { end: 'abort', partition: 1 });
    await bed.bed.producer.send({ topic: trimmed, messages: messages(900, 3, 1) });
    // In the midst of a batch. kafkajs asks for no leader by itself here.
    await bed.bed.admin.fetchTopicOffsets(trimmed);
    await bed.bed.admin.deleteTopicRecords({ topic: trimmed, partitions: [{ partition: 0, offset: '57' }] });
    group = `${bed.bed.prefix}projector`;
    await bed.commit(group, orders, [37, 200, 0]);
    await bed.commit(group, trimmed, [101, 207]);
    before = Object.fromEntries(
      await Promise.all([orders, trimmed, stamped].map(async (topic) => [topic, await bed.records(topic)] as const)),
    );
    configs = await bed.configs(orders);
    manifest = await bed.backup();
  }, 60_000);

  it('are counted with what is at none of their offsets', async () => {
    const { snapshot } = await bed.open(manifest);
    expect(manifest).toMatchObject({
      ...{ kind: 'kafka', method: 'topics' },
      counts: { topics: 3, partitions: 7, records: 200 * 6 - 57 + 2 + 3, groups: 1 },
    });
    const [, second] = snapshot.topics.find(({ name }) => name === trimmed)?.partitions ?? [];
    expect(second).toMatchObject({ records: 205, markers: 2, aborted: 3, holes: 0, endOffset: '210' });
  });

  it('come back with every record, its key, headers and time, their settings and the offsets of groups', async () => {
    await bed.delete(orders, trimmed, stamped);
    const outcome = await bed.restore(bed.order(manifest));
    expect(outcome.findings).toMatchObject({ createdTopics: [orders, stamped, trimmed].sort(), refusedConfigs: [] });
    expect(outcome.findings['changedTimestampType']).toEqual([stamped]);
    for (const topic of [orders, trimmed, stamped])
      expect(withoutOffsets(await bed.records(topic))).toEqual(withoutOffsets(before[topic] ?? []));
    expect(await bed.configs(orders)).toEqual(configs);
    expect(await bed.configs(stamped)).toMatchObject({ 'message.timestamp.type': 'LogAppendTime' });
    // 101 − 57; 205 records, of which 2 and 3 stood around two markers and three aborted ones.
    expect(await bed.committed(group)).toEqual([
      ...[37, 200, 0].map((offset, partition) => [orders, partition, offset]),
      ...[44, 202].map((offset, partition) => [trimmed, partition, offset]),
    ]);
  }, 60_000);

  it('have the offsets that they had, where nothing was missing', async () => {
    expect(await bed.records(orders)).toEqual(before[orders]);
  });

  it('are proven equal, and one record more or less is found', async () => {
    expect(await bed.verify(manifest)).toMatchObject({ verdict: 'passed' });
    await bed.bed.producer.send({ topic: orders, messages: [{ value: 'one more', partition: 2 }] });
    expect(await bed.verify(manifest)).toMatchObject({
      verdict: 'failed',
      evidence: [expect.objectContaining({ subject: `records of ${orders}/2`, expected: 0, actual: 1 })],
    });
  });

  it('are not restored over what is there, unless it is appended', async () => {
    await expect(bed.restore(bed.order(manifest))).rejects.toMatchObject({ code: 'kafka.topic-exists' });
    const one = await bed.backup('trimmed');
    await bed.restore(bed.order(one, { strategy: 'append' }));
    const [first] = withoutOffsets(await bed.records(trimmed));
    const [was] = withoutOffsets(before[trimmed] ?? []);
    expect(first).toEqual([...(was ?? []), ...(was ?? [])]);
  }, 60_000);

  it('come back under a prefix beside the others, with groups of that prefix', async () => {
    const prefix = `${bed.bed.prefix}restored.`;
    const one = await bed.backup('orders');
    await bed.restore(bed.order(one, { destination: prefix }));
    expect(await bed.records(prefix + orders)).toEqual(await bed.records(orders));
    expect(await bed.committed(prefix + group)).toContainEqual([prefix + orders, 0, 37]);
    expect(await bed.verify(one, prefix)).toMatchObject({ verdict: 'passed' });
  }, 60_000);

  it('of a drill go with the groups of their prefix, and no others', async () => {
    const one = await bed.backup('orders');
    const order = bed.order(one, { destination: `${bed.bed.prefix}drill.` });
    await bed.restore(order);
    const place = { ...order, targetKind: kafka, method: 'topics', doneMark: null };
    for (let times = 0; times < 2; times += 1) await discardDrill(place, new AbortController().signal);
    expect((await bed.bed.admin.listTopics()).filter((name) => name.startsWith(order.destination))).toEqual([]);
    const { groups } = await bed.bed.admin.listGroups();
    expect(groups.filter(({ groupId }) => groupId.startsWith(order.destination))).toEqual([]);
    expect(await bed.committed(group)).not.toEqual([]);
    expect(await bed.records(orders)).not.toEqual([]);
  }, 60_000);
});
