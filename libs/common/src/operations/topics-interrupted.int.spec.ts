import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompressionTypes } from 'kafkajs';
import type { Manifest } from '#common/contracts/manifest.js';
import { kafkaEngine } from '#common/engines/kafka/kafka.engine.js';
import { withKafka } from '#common/engines/kafka/kafka-dataset.js';
import { makeTopic } from '#common/engines/kafka/restore/made-topic.js';
import { TopicsMethod } from '#common/engines/kafka/topics/topics.method.js';
import type { TopicFacts } from '#common/engines/kafka/topics-facts.js';
import { type SeenRecord, TopicsTestBed } from '#common/testing/topics-test-bed.js';

let bed: TopicsTestBed;
let orders: string;
/** A place that no other spec restores to. */
let to: string;
let restored: string;
let before: SeenRecord[][];
let manifest: Manifest;

beforeAll(async () => {
  // Objects of some batches each: an attempt is stopped between two of them.
  bed = await TopicsTestBed.create(kafkaEngine(new TopicsMethod(4_000)));
  orders = await bed.bed.topic('orders', 2, { 'retention.ms': '-1' });
  for (let index = 0; index < 40; index += 1)
    await bed.bed.producer.send({
      ...{ topic: orders, compression: CompressionTypes.None },
      messages: [0, 1].flatMap((partition) =>
        Array.from({ length: 5 }, (_, each) => ({ partition, value: `${index}.${each} ${'x'.repeat(60)}` })),
      ),
    });
  to = `${bed.bed.prefix}again.`;
  restored = to + orders;
  before = await bed.records(orders);
  manifest = await bed.backup();
}, 120_000);
afterAll(() => bed.close());

/** The repository as it is until so many of its objects were read: then the storage is gone. */
function failingAfter(objects: number) {
  let left = objects;
  const { repository } = bed.backups;
  return new Proxy(repository, {
    get(of, name) {
      const member = Reflect.get(of, name) as unknown;
      if (name !== 'get') return typeof member === 'function' ? member.bind(of) : member;
      return async (key: string, o: never): Promise<Readable> => {
        if (key.includes('.log')) left -= 1;
        if (left < 0) throw new Error('the storage is gone');
        return repository.get(key as never, o);
      };
    },
  });
}

const identity = (attempt: number, runId = randomUUID()) => ({ runId, attempt });
const sum = (records: readonly (readonly SeenRecord[])[]): number => records.reduce((n, each) => n + each.length, 0);

const orderOf = (changes: Parameters<typeof bed.order>[1] = {}) => bed.order(manifest, { destination: to, ...changes });

/** A sweep to which one run is in a state, and those of other specs on the cluster are under way. */
const sweepOf = (ours: string) => (state: 'open' | 'over') => {
  const stateOf = async (runId: string) => (runId === ours ? state : 'open');
  return bed.engine.restores[0]?.sweep(bed.target(), stateOf, new AbortController().signal);
};

describe('a restore of topics that is interrupted', () => {
  it('goes on behind what it has written, and writes each record once', async () => {
    await bed.delete(restored);
    const first = identity(1);
    expect(manifest.objects.length).toBeGreaterThan(5);
    const broken = bed.restore(orderOf({ identity: first }), { repository: failingAfter(4) });
    await expect(broken).rejects.toThrow('the storage is gone');
    const written = sum(await bed.records(restored));
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(sum(before));
    await bed.restore(orderOf({ identity: { ...first, attempt: 2 } }));
    expect((await bed.records(restored)).map(toValues)).toEqual(before.map(toValues));
    expect(await bed.verify(manifest, to)).toMatchObject({ verdict: 'passed' });
  }, 60_000);

  it('begins anew when another producer came between', async () => {
    await bed.delete(restored);
    const first = identity(1);
    const broken = bed.restore(orderOf({ identity: first }), { repository: failingAfter(4) });
    await expect(broken).rejects.toThrow('the storage is gone');
    await bed.bed.producer.send({ topic: restored, messages: [{ value: 'of another one', partition: 0 }] });
    const again = { identity: { ...first, attempt: 2 } };
    await expect(bed.restore(orderOf(again))).rejects.toMatchObject({ code: 'kafka.destination-changed' });
    expect(await bed.exists(restored)).toBe(false);
    await bed.restore(orderOf({ identity: { ...first, attempt: 3 } }));
    expect((await bed.records(restored)).map(toValues)).toEqual(before.map(toValues));
  }, 60_000);

  it('leaves topics that a sweep removes when its run is over, and not before', async () => {
    await bed.delete(restored);
    const order = orderOf();
    const broken = bed.restore(order, { repository: failingAfter(4) });
    await expect(broken).rejects.toThrow('the storage is gone');
    const sweep = sweepOf(order.identity.runId);
    await sweep('open');
    expect(await bed.exists(restored)).toBe(true);
    expect(await sweep('over')).toMatchObject({ removed: [restored] });
    expect(await bed.exists(restored)).toBe(false);
  }, 60_000);

  it('knows the topic of an attempt that died before its journal, and no other empty one for it', async () => {
    const opened = await bed.open(manifest);
    const [source] = opened.snapshot.topics as [TopicFacts];
    const died = identity(1);
    const sweep = sweepOf(died.runId);
    const order = { ...orderOf({ identity: died }), manifest: opened, target: bed.target() };
    const make = async (): Promise<void> => {
      await bed.delete(restored);
      await withKafka(order.target.connection, 'spec', (kafka) => makeTopic({ source, name: restored }, order, kafka));
    };
    await make();
    expect(await sweep('open')).toMatchObject({ removed: [] });
    expect(await sweep('over')).toMatchObject({ removed: [restored] });
    await make();
    await bed.delete(restored);
    await bed.bed.topic(`again.${orders}`, 2);
    expect(await sweep('over')).toMatchObject({ removed: [] });
    await make();
    const { findings } = await bed.restore(orderOf({ identity: { ...died, attempt: 2 } }));
    expect(findings['createdTopics']).toEqual([restored]);
    expect((await bed.records(restored)).map(toValues)).toEqual(before.map(toValues));
  }, 60_000);

  it('keeps another restore out of its destination until it is over', async () => {
    await bed.bed.admin.listTopics();
    const [driver] = bed.engine.restores;
    const { signal } = new AbortController();
    const opened = await bed.open(manifest);
    const order = { ...orderOf(), manifest: opened, target: bed.target() };
    const fence = await driver?.fence(order, { signal });
    const other = { ...order, identity: identity(1) };
    await expect(driver?.fence(other, { signal })).rejects.toMatchObject({ code: 'restore.busy' });
    // A later attempt of the same run takes it over, and so does one that knows that the run is over.
    const later = await driver?.fence({ ...order, identity: { ...order.identity, attempt: 2 } }, { signal });
    await expect(driver?.fence(order, { signal })).rejects.toMatchObject({ code: 'claim.lost' });
    const last = await driver?.fence(other, { signal, isOver: async () => true });
    await Promise.all([fence?.close(), later?.close(), last?.close()]);
  }, 60_000);
});

const toValues = (records: readonly SeenRecord[]) => records.map(({ offset, value }) => [offset, value]);
