import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { kafkaEngine } from '#common/engines/kafka/kafka.engine.js';
import { TopicsMethod } from '#common/engines/kafka/topics/topics.method.js';
import { type SeenRecord, TopicsTestBed } from '#common/testing/topics-test-bed.js';

let bed: TopicsTestBed;
beforeAll(async () => {
  bed = await TopicsTestBed.create(kafkaEngine(new TopicsMethod(2_000)));
}, 60_000);
afterAll(() => bed.close());

async function send(topic: string, from: number, count: number, partitions = 2): Promise<void> {
  // A client asks for every topic that it has ever written to, also when it is gone.
  const producer = bed.bed.kafka.producer();
  await producer.connect();
  for (let n = from; n < from + count; n += 1) {
    const message = { partition: n % partitions, key: `k${n}`, value: `value ${n} ${'x'.repeat(n % 90)}` };
    await producer.send({ topic, messages: [message] });
  }
  await producer.disconnect();
}

const valuesOf = (partitions: readonly (readonly SeenRecord[])[]) =>
  partitions.map((records) => records.map(({ key, value, timestamp }) => ({ key, value, timestamp })));

describe('incremental backups of topics', () => {
  let orders: string;
  let removed: string;
  let added: string;
  let group: string;
  let chain: readonly [Manifest, Manifest, Manifest];
  let after: readonly SeenRecord[][][];

  beforeAll(async () => {
    orders = await bed.bed.topic('orders', 2, { 'retention.ms': '-1' });
    removed = await bed.bed.topic('removed', 1);
    group = `${bed.bed.prefix}projector`;
    await send(orders, 0, 40);
    await send(removed, 0, 5, 1);
    await bed.commit(group, orders, [20, 3]);
    const full = await bed.backupBy('topics');
    const seen = [await bed.records(orders)];
    await send(orders, 40, 20);
    await bed.commit(group, orders, [25, 11]);
    const first = await bed.backupBy('incremental');
    seen.push(await bed.records(orders));
    await bed.delete(removed);
    added = await bed.bed.topic('added', 1);
    await send(added, 0, 3, 1);
    await send(orders, 60, 10);
    await bed.commit(group, orders, [35, 15]);
    const second = await bed.backupBy('incremental');
    seen.push(await bed.records(orders));
    [chain, after] = [[full, first, second], seen];
  }, 120_000);

  it('hold what came since, and name the chain that they build on', async () => {
    const [full, first, second] = chain;
    expect(chain.map(({ needs }) => needs)).toEqual([[], [full.backupId], [full.backupId, first.backupId]]);
    expect(chain.map(({ counts }) => counts['records'])).toEqual([45, 65, 73]);
    const { snapshot } = await bed.open(second);
    const own = snapshot.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ pieces }) => {
        const records = pieces.filter(({ backup }) => backup === undefined).map((piece) => piece.records);
        return [name, records.reduce((sum, each) => sum + each, 0)];
      }),
    );
    expect(own).toEqual([
      [added, 3],
      [orders, 5],
      [orders, 5],
    ]);
  });

  it('bring back, each, every record of their moment at its offset, and the groups where they stood', async () => {
    for (const [index, manifest] of chain.entries()) {
      const prefix = `${bed.bed.prefix}as-of-${index}.`;
      await bed.restore(bed.order(manifest, { destination: prefix }));
      expect(await bed.records(prefix + orders)).toEqual(after[index]);
      expect(await bed.verify(manifest, prefix)).toMatchObject({ verdict: 'passed' });
    }
    const at = (index: number) => bed.committed(`${bed.bed.prefix}as-of-${index}.${group}`);
    const placed = async (index: number) => (await at(index)).map(([, partition, offset]) => [partition, offset]);
    expect([await placed(0), await placed(1), await placed(2)]).toEqual([
      [
        [0, 20],
        [1, 3],
      ],
      [
        [0, 25],
        [1, 11],
      ],
      [
        [0, 35],
        [1, 15],
      ],
    ]);
    expect(await bed.exists(`${bed.bed.prefix}as-of-2.${removed}`)).toBe(false);
    expect(valuesOf(await bed.records(`${bed.bed.prefix}as-of-2.${added}`))).toEqual(
      valuesOf(await bed.records(added)),
    );
  }, 120_000);

  it.each([
    ['equal where records are the same', 'value 2 xx', 0],
    ['unequal where one record of the full backup was exchanged for another', 'forged', 1],
  ])(
    'are found %s',
    async (_, value, problems) => {
      const prefix = `${bed.bed.prefix}copy-${problems}.`;
      const [, , last] = chain;
      await bed.restore(bed.order(last, { destination: prefix }));
      const whole = await bed.records(prefix + orders);
      await bed.delete(prefix + orders);
      const copy = await bed.bed.topic(`copy-${problems}.${orders}`, 2, {
        'retention.ms': '-1',
      });
      const messages = whole.flatMap((records, partition) =>
        records.map((each) => ({ ...each, partition, timestamp: String(each.timestamp), headers: {} })),
      );
      const forged = messages.map((each) => (each.key === 'k2' ? { ...each, value } : each));
      const producer = bed.bed.kafka.producer();
      await producer.connect();
      await producer.send({ topic: copy, messages: forged });
      await producer.disconnect();
      const { evidence } = await bed.verify(last, prefix);
      const wrong = evidence.filter(({ problem }) => problem === 'as many records, but other ones');
      expect(wrong).toHaveLength(problems);
    },
    60_000,
  );

  it('hold nothing where nothing came, and a topic that was made anew from its beginning', async () => {
    const name = await bed.bed.topic('again', 1, { 'retention.ms': '-1' });
    await send(name, 0, 5, 1);
    await bed.backupBy('topics', 'again');
    const idle = await bed.backupBy('incremental', 'again');
    expect(idle.counts['records']).toBe(5);
    await bed.delete(name);
    await bed.bed.topic('again', 1, { 'retention.ms': '-1' });
    await send(name, 100, 3, 1);
    const anew = await bed.backupBy('incremental', 'again');
    expect(anew.counts['records']).toBe(3);
    const [was] = [await bed.records(name)];
    await bed.delete(name);
    await bed.restore(bed.order(anew));
    expect(await bed.records(name)).toEqual(was);
  }, 60_000);

  it('keep what retention took from the topic since, and say what expired before they could read it', async () => {
    const name = await bed.bed.topic('expiring', 1, { 'retention.ms': '-1' });
    await send(name, 0, 10, 1);
    await bed.backupBy('topics', 'expiring');
    await send(name, 10, 10, 1);
    await bed.bed.admin.fetchTopicOffsets(name);
    await bed.bed.admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: '13' }] });
    const manifest = await bed.backupBy('incremental', 'expiring');
    expect(manifest).toMatchObject({
      counts: { records: 17 },
      warnings: [expect.stringContaining('3 offsets expired')],
    });
    await bed.delete(name);
    await bed.restore(bed.order(manifest));
    const [records] = await bed.records(name);
    expect(records?.map(({ key }) => key)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19].map((n) => `k${n}`),
    );
  }, 60_000);

  it('are refused where there is nothing to build on', async () => {
    const other = await TopicsTestBed.create();
    try {
      await other.bed.topic('alone', 1);
      await expect(other.backupBy('incremental', 'alone')).rejects.toMatchObject({ code: 'kafka.no-parent' });
    } finally {
      await other.close();
    }
  }, 60_000);
});
