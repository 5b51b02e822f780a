import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { until } from '#common/testing/kafka-test-bed.js';
import { anything, nothingSkipped, ReplayTestBed } from '#common/testing/replay-test-bed.js';

let bed: ReplayTestBed;
beforeAll(async () => {
  bed = await ReplayTestBed.open();
});
afterAll(() => bed.close());

describe('a reset', () => {
  it('brings the stopped group back to where the backup saw it, and it reads everything again', async () => {
    const it = await bed.shop('reset', { read: 3, total: 8 });
    const result = await bed.replay(bed.ask(it), { [it.topic]: anything });
    const at = { topic: it.topic, partition: 0, group: it.group, fromOffset: '3', toOffset: '8' };
    expect(result).toEqual({
      isComplete: true,
      partitions: [{ ...at, gap: null, replayed: 5, skipped: nothingSkipped }],
    });
    const again: string[] = [];
    await bed.kafka.consume(it.group, it.topic, (value) => again.push(value));
    await until('it caught up', async () => (await bed.committed(it)) === 8n);
    expect(again).toEqual(['order-3', 'order-4', 'order-5', 'order-6', 'order-7']);
  });

  it('starts where a group lagged while the backup ran, not where the log ended', async () => {
    const [topic, group] = [await bed.kafka.topic('lagging'), `${bed.kafka.prefix}laggard`];
    await bed.produce(topic, ['a', 'b', 'c', 'd', 'e']);
    await bed.commit(group, topic, 2n);
    const position = await bed.takePosition(topic, [group]);
    await bed.commit(group, topic, 5n);
    await bed.replay(bed.ask({ position }), { [topic]: anything });
    expect(await bed.committed({ topic, group })).toBe(2n);
  });

  it('starts at the beginning of the log where the group had no commit', async () => {
    const it = await bed.shop('uncommitted', { read: 0, total: 4 });
    const { partitions } = await bed.replay(bed.ask(it), { [it.topic]: anything });
    expect(partitions[0]).toMatchObject({ fromOffset: '0', toOffset: '4', replayed: 4 });
    expect(await bed.committed(it)).toBe(0n);
  });

  it('never moves a group forward', async () => {
    const it = await bed.shop('behind', { read: 3, total: 8 });
    await bed.commit(it.group, it.topic, 1n);
    const { partitions } = await bed.replay(bed.ask(it), { [it.topic]: anything });
    expect(partitions[0]).toMatchObject({ fromOffset: '3', toOffset: '3', replayed: 0 });
    expect(await bed.committed(it)).toBe(1n);
  });

  it('is refused while the group has members, and moves nothing', async () => {
    const it = await bed.shop('busy', { read: 1, total: 4 });
    await bed.kafka.consume(it.group, it.topic, () => {});
    const asked = bed.ask(it);
    const plan = await bed.plan(asked, { [it.topic]: anything });
    expect(plan.groups).toEqual([{ name: it.group, state: 'Stable', members: 1 }]);
    await expect(bed.run(plan)).rejects.toMatchObject({ code: 'replay.group-active' });
    const slippedIn = { ...plan, refusals: [] };
    await expect(bed.run(slippedIn)).rejects.toMatchObject({ code: 'replay.group-active' });
    await expect(bed.commit(it.group, it.topic, 1n)).rejects.toMatchObject({ code: 'replay.group-active' });
    expect(await bed.committed(it)).toBe(4n);
  });

  it('done once is not done again, even when the group has moved on', async () => {
    const it = await bed.shop('once', { read: 3, total: 8 });
    const asked = bed.ask(it);
    const first = await bed.replay(asked, { [it.topic]: anything });
    await bed.commit(it.group, it.topic, 6n);
    expect(await bed.replay(asked, { [it.topic]: anything })).toEqual(first);
    expect(await bed.committed(it)).toBe(6n);
  });

  it.each([
    ['before its range is frozen', 0],
    ['between the frozen range and the move', 1],
  ])('moves nothing when another attempt has done it %s', async (_when, asksUntilLost) => {
    const it = await bed.shop(`lost-${asksUntilLost}`, { read: 3, total: 8 });
    const plan = await bed.plan(bed.ask(it), { [it.topic]: anything });
    let asks = 0;
    const assertHeld = async (): Promise<void> => {
      if (asks === asksUntilLost) {
        await bed.run(plan);
        await bed.commit(it.group, it.topic, 6n);
        throw new AppError('claim.lost', 'the run has gone on elsewhere');
      }
      asks += 1;
    };
    await expect(bed.run(plan, { assertHeld })).rejects.toMatchObject({ code: 'claim.lost' });
    expect(await bed.committed(it)).toBe(6n);
    expect(await bed.run(plan)).toMatchObject({ isComplete: true });
    expect(await bed.committed(it)).toBe(6n);
  });

  it('reports trimmed records as a gap and puts the group on the first that is left', async () => {
    const it = await bed.shop('trimmed', { read: 3, total: 10 });
    await bed.trim(it.topic, 6);
    const plan = await bed.plan(bed.ask(it), { [it.topic]: anything });
    const gap = { fromOffset: '3', toOffset: '6', recordsAtMost: '3' };
    expect(plan.partitions[0]).toMatchObject({ gap, recordsAtMost: '4' });
    const result = await bed.run(plan);
    expect(result).toMatchObject({ isComplete: false, partitions: [{ gap, replayed: 4, skipped: nothingSkipped }] });
    expect(await bed.committed(it)).toBe(6n);
  });

  it('accounts for markers and aborted records', async () => {
    const [topic, group] = [await bed.kafka.topic('markers'), `${bed.kafka.prefix}markers`];
    await bed.produce(topic, ['first']);
    await bed.commit(group, topic, 1n);
    const position = await bed.takePosition(topic, [group]);
    await bed.kafka.transact(topic, ['kept'], { end: 'commit' });
    await bed.kafka.transact(topic, ['dropped'], { end: 'abort' });
    await bed.produce(topic, ['last']);
    await bed.commit(group, topic, 6n);
    const { partitions } = await bed.replay(bed.ask({ position }), { [topic]: anything });
    expect(partitions[0]).toMatchObject({
      toOffset: '6',
      replayed: 2,
      skipped: { ...nothingSkipped, markers: 2, aborted: 1 },
    });
  });
});
