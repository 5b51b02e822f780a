import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BusPosition } from '#common/contracts/bus-position.js';
import { KafkaTestBed, until } from '#common/testing/kafka-test-bed.js';
import { readBusPosition, type WatchedTopic } from './bus-position.js';
import type { KafkaCluster } from './kafka-cluster.js';
import { commitForStoppedGroup, readCommitted } from './kafka-groups.js';
import { isAnchorUnchanged } from './records/anchor.js';

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
});
afterAll(() => bed.close());

const signal = AbortSignal.timeout(60_000);
const position = (...topics: readonly WatchedTopic[]): Promise<BusPosition> =>
  readBusPosition(bed.cluster, topics, { now: new Date('2026-11-21T10:00:00Z'), signal });

const order = (n: number, partition = 0) => ({ partition, key: `order-${n}`, value: JSON.stringify({ n }) });

/** The cluster, with others at work on it: they act after every answer about offsets. */
function busyCluster(afterAnswer: (question: string) => Promise<void>): KafkaCluster {
  const exchange: KafkaCluster['exchange'] = async (doing, work) => {
    const answer = await bed.cluster.exchange(doing, work);
    if (doing.startsWith('read the offsets')) await afterAnswer(doing);
    return answer;
  };
  return Object.assign(Object.create(bed.cluster), { exchange });
}

describe('a position that is read while others are at work', () => {
  const read = (cluster: KafkaCluster, topic: string, group: string) =>
    readBusPosition(cluster, [{ name: topic, groups: [group] }], { now: new Date(), signal });

  it('begins where the log began before the commits were read, so that what is trimmed meanwhile is a gap', async () => {
    const [topic, group] = [await bed.topic('trimmed'), `${bed.prefix}trimmed`];
    await bed.producer.send({ topic, messages: [order(1), order(2), order(3)] });
    await commitForStoppedGroup(bed.cluster, group, [{ topic, partition: 0, offset: 1n, metadata: null }]);
    const trimming = busyCluster(async (question) => {
      if (!question.endsWith(group)) return;
      await bed.admin.fetchTopicOffsets(topic);
      await bed.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
    });
    const { partitions } = await read(trimming, topic, group);
    expect(partitions).toMatchObject([{ logStartOffset: '0', committed: { [group]: '1' }, endOffset: '3' }]);
  });

  it('has no commit that lies beyond its end', async () => {
    const [topic, group] = [await bed.topic('growing'), `${bed.prefix}growing`];
    let written = 0n;
    const write = async (): Promise<void> => {
      await bed.producer.send({ topic, messages: [order(Number(written))] });
      written += 1n;
      await commitForStoppedGroup(bed.cluster, group, [{ topic, partition: 0, offset: written, metadata: null }]);
    };
    await write();
    const { state, partitions } = await read(busyCluster(write), topic, group);
    expect(written).toBeGreaterThan(3n);
    expect({ state, partitions }).toMatchObject({
      state: 'proven',
      partitions: [{ committed: { [group]: '2' }, endOffset: '3' }],
    });
  });
});

describe('the position on the bus', () => {
  it('states, per partition, bounds, commits of the named groups and an anchor', async () => {
    const topic = await bed.topic('orders', 2);
    await bed.producer.send({ topic, messages: [order(1), order(2), order(3), order(4, 1)] });
    const group = `${bed.prefix}projector`;
    await commitForStoppedGroup(bed.cluster, group, [{ topic, partition: 0, offset: 2n, metadata: null }]);

    const read = await position({ name: topic, groups: [group] });

    expect(BusPosition.parse(read)).toEqual(read);
    expect(read).toMatchObject({ state: 'proven', takenAt: '2026-11-21T10:00:00.000Z' });
    expect(read.clusterId).not.toBe('');
    expect(read.topicIds[topic]).toMatch(/^[0-9a-f]{8}-/);
    expect(read.partitions).toEqual([
      expect.objectContaining({ partition: 0, logStartOffset: '0', endOffset: '3', committed: { [group]: '2' } }),
      expect.objectContaining({ partition: 1, logStartOffset: '0', endOffset: '1', committed: { [group]: null } }),
    ]);
    expect(read.partitions.map(({ anchor }) => anchor?.offset)).toEqual(['2', '0']);
  });

  it('finds the groups of a topic by their commits when none is named', async () => {
    const topic = await bed.topic('found');
    await bed.producer.send({ topic, messages: [order(1)] });
    const group = `${bed.prefix}finder`;
    await bed.consume(group, topic, () => {});
    await until('it committed', async () => (await readCommitted(bed.cluster, group, topic)).get(0)?.offset === 1n);
    const { partitions, state } = await position({ name: topic });
    expect({ state, committed: partitions[0]?.committed }).toEqual({ state: 'proven', committed: { [group]: '1' } });
  });

  it.each([
    ['no group reads the topic', {}, 'no consumer group reads topic'],
    [
      'consumers commit before they write',
      { groups: ['g'], commits: 'before-write' as const },
      'commit before they write',
    ],
  ])('is unproven when %s', async (name, options, reason) => {
    const topic = await bed.topic(name.replaceAll(' ', '-'));
    const read = await position({ name: topic, ...options });
    expect({ state: read.state, reason: read.reason }).toEqual({
      state: 'unproven',
      reason: expect.stringContaining(reason),
    });
  });

  it('gives a topic that was made anew another id and another anchor', async () => {
    const topic = await bed.topic('anew');
    await bed.producer.send({ topic, messages: [order(1)] });
    const before = await position({ name: topic, groups: ['g'] });
    await bed.admin.deleteTopics({ topics: [topic] });
    await until('it is gone', async () => !(await bed.admin.listTopics()).includes(topic));
    await bed.topic('anew');
    await bed.admin.fetchTopicMetadata({ topics: [topic] });
    await bed.producer.send({ topic, messages: [order(2)] });
    const after = await position({ name: topic, groups: ['g'] });
    expect(after.topicIds[topic]).not.toBe(before.topicIds[topic]);
    const anchor = before.partitions[0]?.anchor ?? { offset: '0', sha256: '' };
    expect(await isAnchorUnchanged(bed.cluster, { topic, partition: 0, anchor }, signal)).toBe(false);
  });

  it('anchors on the last record, not on the marker of its transaction', async () => {
    const topic = await bed.topic('transactional');
    await bed.transact(topic, ['kept'], { end: 'commit' });
    const { partitions } = await position({ name: topic, groups: ['g'] });
    expect(partitions[0]).toMatchObject({ endOffset: '2', anchor: { offset: '0' } });
  });

  it('says which topic does not exist', async () => {
    await expect(position({ name: `${bed.prefix}nowhere` })).rejects.toMatchObject({ code: 'bus.topic-missing' });
  });
});
