import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { headerText } from '#common/bus/kafka-headers.js';
import type { LogRecord } from '#common/bus/records/log-slice.js';
import type { ReplayBus } from '#common/bus/replay/replay-bus.js';
import { AppError } from '#common/errors/app-error.js';
import { anything, nothingSkipped, ReplayTestBed, values } from '#common/testing/replay-test-bed.js';
import type { ReplayDeps } from './request.js';
import { runReplay } from './run-replay.js';

let bed: ReplayTestBed;
beforeAll(async () => {
  bed = await ReplayTestBed.open();
});
afterAll(() => bed.close());

/** The process dies once its n-th write is done: no answer comes back. */
const dyingAfter = (writes: number, bus: ReplayBus): ReplayBus => ({
  ...bus,
  openProducer: async (replayId) => {
    const producer = await bus.openProducer(replayId);
    let left = writes;
    const write: typeof producer.write = async (each) => {
      await producer.write(each);
      left -= 1;
      if (left === 0) throw new Error('killed');
    };
    return { write, close: () => producer.close() } as typeof producer;
  },
});

describe('a republish', () => {
  it('copies the frozen range in order, with keys, headers, timestamps and the original coordinates', async () => {
    const it = await bed.shop('republish', { read: 2, total: 5 });
    await bed.produce(it.topic, ['after the group stopped']);
    const asked = bed.ask(it, { mode: 'republish' });
    const result = await bed.replay(asked, { [it.topic]: anything });
    expect(result.partitions[0]).toMatchObject({
      fromOffset: '2',
      toOffset: '5',
      replayed: 3,
      skipped: nothingSkipped,
    });
    const all = await bed.readAll(it.topic);
    const [originals, copies] = [all.slice(2, 5), all.slice(6)];
    const essence = (records: readonly LogRecord[]) =>
      records.map(({ key, value, timestamp, headers }) => [
        String(key),
        String(value),
        timestamp,
        headerText(headers, 'origin'),
      ]);
    expect(essence(copies)).toEqual(essence(originals));
    const marks = copies.map(({ headers }) =>
      ['replay-id', 'original-topic', 'original-partition', 'original-offset'].map((n) =>
        headerText(headers, `holdfast-${n}`),
      ),
    );
    expect(marks).toEqual(['2', '3', '4'].map((offset) => [asked.replayId, it.topic, '0', offset]));
  });

  it('twice for one range leaves each original once at the destination', async () => {
    const it = await bed.shop('twice', { read: 1, total: 5 });
    const rules = { [it.topic]: anything };
    const first = await bed.replay(bed.ask(it, { mode: 'republish' }), rules);
    const second = await bed.replay(bed.ask(it, { mode: 'republish' }), rules);
    expect([first, second].map(({ partitions }) => partitions[0]?.replayed)).toEqual([4, 0]);
    expect(second.partitions[0]?.skipped).toEqual({ ...nothingSkipped, copies: 4 });
    expect(values(await bed.readAll(it.topic, 5n))).toEqual(['order-1', 'order-2', 'order-3', 'order-4']);
  });

  it('after the copies were read and lost again copies each original once, not once per copy', async () => {
    const it = await bed.shop('again', { read: 1, total: 4 });
    const rules = { [it.topic]: anything };
    await bed.replay(bed.ask(it, { mode: 'republish' }), rules);
    const readUpTo = await bed.logEnd(it.topic);
    await bed.commit(it.group, it.topic, readUpTo);
    const { partitions } = await bed.replay(bed.ask(it, { mode: 'republish' }), rules);
    expect(partitions[0]).toMatchObject({ replayed: 3, skipped: { copies: 3 } });
    expect(values(await bed.readAll(it.topic, readUpTo))).toEqual(['order-1', 'order-2', 'order-3']);
  });

  it('lets a copy stand in for an original that was trimmed', async () => {
    const it = await bed.shop('stand-in', { read: 1, total: 4 });
    const rules = { [it.topic]: anything };
    await bed.replay(bed.ask(it, { mode: 'republish' }), rules);
    const readUpTo = await bed.logEnd(it.topic);
    await bed.commit(it.group, it.topic, readUpTo);
    await bed.trim(it.topic, 3);
    await bed.replay(bed.ask(it, { mode: 'republish' }), rules);
    expect(values(await bed.readAll(it.topic, readUpTo)).sort()).toEqual(['order-1', 'order-2', 'order-3']);
  });

  it('killed between two transactions goes on where it stopped and copies nothing twice', async () => {
    const it = await bed.shop('killed', { read: 0, total: 40 });
    const plan = await bed.plan(bed.ask(it, { mode: 'republish', recordsPerSecond: 20 }), { [it.topic]: anything });
    const kill = new AbortController();
    const dying: ReplayDeps = {
      ...bed.deps(),
      onProgress: ({ handledOffsets }) => handledOffsets >= 20n && kill.abort(new AppError('run.cancelled', 'killed')),
    };
    await expect(runReplay(plan, dying, kill.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(await bed.readAll(it.topic, 40n)).toHaveLength(20);

    const resumed = await bed.run({ ...plan, recordsPerSecond: null });
    expect(resumed.partitions[0]).toMatchObject({ replayed: 40, skipped: nothingSkipped });
    expect(values(await bed.readAll(it.topic, 40n))).toEqual(Array.from({ length: 40 }, (_, n) => `order-${n}`));
  });

  it('killed after any of its writes copies each original once', async () => {
    for (let lives = 1; ; lives += 1) {
      const it = await bed.shop(`mortal-${lives}`, { read: 0, total: 6 });
      const asked = bed.ask(it, { mode: 'republish', recordsPerSecond: 4 });
      const plan = await bed.plan(asked, { [it.topic]: anything });
      const outcome = await runReplay(plan, { ...bed.deps(), bus: dyingAfter(lives, bed.bus) }, bed.signal).catch(
        (error: Error) => error.message,
      );
      // A copy that was read meanwhile tells no later attempt that it was made.
      await bed.commit(it.group, it.topic, await bed.logEnd(it.topic));
      await bed.run({ ...plan, recordsPerSecond: null });
      const copies = values(await bed.readAll(it.topic, 6n));
      expect(copies).toEqual(['order-0', 'order-1', 'order-2', 'order-3', 'order-4', 'order-5']);
      if (outcome !== 'killed') break;
      expect(lives).toBeLessThan(20);
    }
  });

  it('killed within a transaction leaves nothing of it, and the next attempt fences it out', async () => {
    const it = await bed.shop('fenced', { read: 0, total: 3 });
    const plan = await bed.plan(bed.ask(it, { mode: 'republish' }), { [it.topic]: anything });
    const zombie = bed.kafka.kafka.producer({
      transactionalId: `holdfast-replay-${plan.replayId}`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    bed.kafka.onClose(() => zombie.disconnect());
    await zombie.connect();
    const open = await zombie.transaction();
    await open.send({ topic: it.topic, messages: [{ value: 'half written' }] });

    const { partitions } = await bed.run(plan);
    expect(partitions[0]).toMatchObject({ replayed: 3 });
    expect(values(await bed.readAll(it.topic, 3n))).toEqual(['order-0', 'order-1', 'order-2']);
    await expect(open.commit()).rejects.toThrow();
  });

  it('overtaken by retention after it was planned reports the gap and copies what is left', async () => {
    const it = await bed.shop('overtaken', { read: 1, total: 6 });
    const plan = await bed.plan(bed.ask(it, { mode: 'republish' }), { [it.topic]: anything });
    expect(plan.partitions[0]?.gap).toBeNull();
    await bed.trim(it.topic, 4);
    const { isComplete, partitions } = await bed.run(plan);
    const gap = { fromOffset: '1', toOffset: '4', recordsAtMost: '3' };
    expect({ isComplete, partition: partitions[0] }).toMatchObject({
      isComplete: false,
      partition: { gap, replayed: 2 },
    });
    expect(values(await bed.readAll(it.topic, 6n))).toEqual(['order-4', 'order-5']);
  });

  it('keeps the range that it froze, whatever the group read since', async () => {
    const it = await bed.shop('frozen', { read: 1, total: 4 });
    const asked = bed.ask(it, { mode: 'republish' });
    const first = await bed.replay(asked, { [it.topic]: anything });
    await bed.commit(it.group, it.topic, 6n);
    expect(await bed.replay(asked, { [it.topic]: anything })).toEqual(first);
  });

  it('copies to another topic that is allowed, per partition in order', async () => {
    const it = await bed.shop('elsewhere', { read: 1, total: 4 });
    const destination = await bed.kafka.topic('elsewhere-replay', 2);
    const rules = { [it.topic]: { ...anything, destinations: [destination] } };
    await bed.replay(bed.ask(it, { mode: 'republish', destination }), rules);
    const again = await bed.replay(bed.ask(it, { mode: 'republish', destination }), rules);
    expect(again.partitions[0]).toMatchObject({ replayed: 0, skipped: { copies: 3 } });
    expect(values(await bed.readAll(destination))).toEqual(['order-1', 'order-2', 'order-3']);
  });

  it('gives a record that the destination would drop for its age the present time, and keeps its own in a header', async () => {
    const topic = await bed.kafka.topic('old', 1);
    const destination = await bed.kafka.topic('old-replay', 1, { 'retention.ms': '3600000' });
    const timestamp = String(Date.now() - 7_200_000);
    await bed.kafka.producer.send({ topic, messages: [{ value: 'old order', timestamp }] });
    const start = { offsets: [{ topic, partition: 0, offset: '0' }] };
    await bed.replay(
      { replayId: bed.newId(), mode: 'republish', start, destination },
      { [topic]: { ...anything, destinations: [destination] } },
    );
    const [copy] = await bed.readAll(destination);
    expect(headerText(copy?.headers, 'holdfast-original-timestamp')).toBe(timestamp);
    expect(Number(copy?.timestamp)).toBeGreaterThan(Number(timestamp) + 3_600_000);
  });

  it('accounts for markers and aborted records, and copies neither', async () => {
    const [topic, group] = [await bed.kafka.topic('tx-range'), `${bed.kafka.prefix}tx-range`];
    const position = await bed.takePosition(topic, [group]);
    await bed.kafka.transact(topic, ['kept'], { end: 'commit' });
    await bed.kafka.transact(topic, ['dropped'], { end: 'abort' });
    await bed.commit(group, topic, 4n);
    const { partitions } = await bed.replay(bed.ask({ position }, { mode: 'republish' }), { [topic]: anything });
    expect(partitions[0]).toMatchObject({ replayed: 1, skipped: { ...nothingSkipped, markers: 2, aborted: 1 } });
    expect(values(await bed.readAll(topic, 4n))).toEqual(['kept']);
  });

  it('copies several partitions of many records, each in its order', async () => {
    const [topic, group] = [await bed.kafka.topic('many', 3), `${bed.kafka.prefix}many`];
    const position = await bed.takePosition(topic, [group]);
    const names = Array.from({ length: 2_500 }, (_, n) => `order-${n}`);
    for (const partition of [0, 1, 2]) await bed.produce(topic, names, partition);
    for (const partition of [0, 1, 2]) await bed.commit(group, topic, 2_500n, partition);
    const { partitions } = await bed.replay(bed.ask({ position }, { mode: 'republish' }), { [topic]: anything });
    expect(partitions.map(({ replayed }) => replayed)).toEqual([2_500, 2_500, 2_500]);
    for (const partition of [0, 1, 2]) expect(values(await bed.readAll(topic, 2_500n, partition))).toEqual(names);
  });
});
