import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readBusPosition } from '../bus/bus-position.js';
import { headerText } from '../bus/kafka-headers.js';
import { commitForStoppedGroup, readCommitted } from '../bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '../bus/kafka-log.js';
import type { LogRecord } from '../bus/log-slice.js';
import { readRange } from '../bus/read-range.js';
import { openReplayBus, type ReplayBus } from '../bus/replay-bus.js';
import type { BusPosition } from '../contracts/bus-position.js';
import { AppError } from '../errors/app-error.js';
import { KafkaTestBed, until } from '../testing/kafka-test-bed.js';
import { planReplay } from './plan-replay.js';
import type { ReplayAsk, ReplayDeps, TopicRules } from './replay-request.js';
import type { ReplayResult } from './replay-result.js';
import { runReplay } from './run-replay.js';

let bed: KafkaTestBed;
let bus: ReplayBus;
let replays = 0;
const signal = AbortSignal.timeout(120_000);
const anything: TopicRules = { modes: ['reset', 'republish'] };

beforeAll(async () => {
  bed = await KafkaTestBed.open();
  bus = await openReplayBus(bed.kafka);
  bed.onClose(() => bus.close());
});
afterAll(() => bed.close());

/** A topic with a group that read some of it, a position taken then, and what came after. */
interface Shop {
  readonly topic: string;
  readonly group: string;
  readonly position: BusPosition;
}

async function produce(topic: string, names: readonly string[], partition = 0): Promise<void> {
  const messages = names.map((name) => ({ partition, key: `key-${name}`, value: name, headers: { origin: 'spec' } }));
  await bed.producer.send({ topic, messages });
}

const commit = (group: string, topic: string, offset: bigint, partition = 0): Promise<void> =>
  commitForStoppedGroup(bed.cluster, group, [{ topic, partition, offset, metadata: null }]);

const takePosition = (topic: string, groups: readonly string[]): Promise<BusPosition> =>
  readBusPosition(bed.cluster, [{ name: topic, groups }], { now: new Date(), signal });

/** `read` records were read when the position was taken, and `total` when the group stopped. */
async function shop(name: string, { read, total }: { readonly read: number; readonly total: number }): Promise<Shop> {
  const [topic, group] = [await bed.topic(name), `${bed.prefix}${name}-projector`];
  const names = Array.from({ length: total }, (_, n) => `order-${n}`);
  await produce(topic, names.slice(0, read));
  if (read > 0) await commit(group, topic, BigInt(read));
  const position = await takePosition(topic, [group]);
  await produce(topic, names.slice(read));
  await commit(group, topic, BigInt(total));
  return { topic, group, position };
}

const newId = (): string => `${bed.prefix}replay-${++replays}`;

const depsFor = (rules: Readonly<Record<string, TopicRules>>): ReplayDeps => ({ bus, rules, now: () => new Date() });

const ask = ({ position }: Pick<Shop, 'position'>, more: Partial<ReplayAsk> = {}): ReplayAsk => ({
  replayId: newId(),
  mode: 'reset',
  start: { position },
  ...more,
});

async function replay(asked: ReplayAsk, rules: Readonly<Record<string, TopicRules>>): Promise<ReplayResult> {
  const deps = depsFor(rules);
  return runReplay(await planReplay(asked, deps, signal), deps, signal);
}

async function readAll(topic: string, fromOffset = 0n, partition = 0): Promise<LogRecord[]> {
  const toOffset = (await readLogEnds(bed.cluster, topic)).get(partition) ?? 0n;
  const records: LogRecord[] = [];
  for await (const slice of readRange(bed.cluster, { topic, partition, fromOffset, toOffset }, { signal }))
    records.push(...slice.records);
  return records;
}

const values = (records: readonly LogRecord[]): string[] => records.map(({ value }) => value?.toString() ?? '');
const committed = async ({ topic, group }: Shop): Promise<bigint | undefined> =>
  (await readCommitted(bed.cluster, group, topic)).get(0)?.offset;

async function trim(topic: string, offset: number): Promise<void> {
  await bed.admin.fetchTopicOffsets(topic);
  await bed.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  await until('it is trimmed', async () => (await readLogStarts(bed.cluster, topic)).get(0) === BigInt(offset));
}

async function transact(topic: string, name: string, end: 'commit' | 'abort'): Promise<void> {
  const transactionalId = `${bed.prefix}tx-${name}`;
  const producer = bed.kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ value: name }] });
  await transaction[end]();
  await producer.disconnect();
}

const none = { copies: 0, markers: 0, aborted: 0, missing: 0, foreign: 0 };

describe('a reset', () => {
  it('brings the stopped group back to where the backup saw it, and it reads everything again', async () => {
    const it = await shop('reset', { read: 3, total: 8 });
    const result = await replay(ask(it), { [it.topic]: anything });
    const at = { topic: it.topic, partition: 0, group: it.group, fromOffset: '3', toOffset: '8' };
    expect(result).toEqual({ isComplete: true, partitions: [{ ...at, gap: null, replayed: 5, skipped: none }] });
    const again: string[] = [];
    await bed.consume(it.group, it.topic, (value) => again.push(value));
    await until('it caught up', async () => (await committed(it)) === 8n);
    expect(again).toEqual(['order-3', 'order-4', 'order-5', 'order-6', 'order-7']);
  });

  it('starts where a group lagged while the backup ran, not where the log ended', async () => {
    const [topic, group] = [await bed.topic('lagging'), `${bed.prefix}laggard`];
    await produce(topic, ['a', 'b', 'c', 'd', 'e']);
    await commit(group, topic, 2n);
    const position = await takePosition(topic, [group]);
    await commit(group, topic, 5n);
    await replay(ask({ position }), { [topic]: anything });
    expect(await committed({ topic, group, position })).toBe(2n);
  });

  it('starts at the beginning of the log where the group had no commit', async () => {
    const it = await shop('uncommitted', { read: 0, total: 4 });
    const { partitions } = await replay(ask(it), { [it.topic]: anything });
    expect(partitions[0]).toMatchObject({ fromOffset: '0', toOffset: '4', replayed: 4 });
    expect(await committed(it)).toBe(0n);
  });

  it('never moves a group forward', async () => {
    const it = await shop('behind', { read: 3, total: 8 });
    await commit(it.group, it.topic, 1n);
    const { partitions } = await replay(ask(it), { [it.topic]: anything });
    expect(partitions[0]).toMatchObject({ fromOffset: '3', toOffset: '3', replayed: 0 });
    expect(await committed(it)).toBe(1n);
  });

  it('is refused while the group has members, and moves nothing', async () => {
    const it = await shop('busy', { read: 1, total: 4 });
    await bed.consume(it.group, it.topic, () => {});
    const asked = ask(it);
    const plan = await planReplay(asked, depsFor({ [it.topic]: anything }), signal);
    expect(plan.groups).toEqual([{ name: it.group, state: 'Stable', members: 1 }]);
    await expect(runReplay(plan, depsFor({}), signal)).rejects.toMatchObject({ code: 'replay.group-active' });
    const slippedIn = { ...plan, refusals: [] };
    await expect(runReplay(slippedIn, depsFor({}), signal)).rejects.toMatchObject({ code: 'replay.group-active' });
    await expect(commit(it.group, it.topic, 1n)).rejects.toMatchObject({ code: 'replay.group-active' });
    expect(await committed(it)).toBe(4n);
  });

  it('done once is not done again, even when the group has moved on', async () => {
    const it = await shop('once', { read: 3, total: 8 });
    const asked = ask(it);
    const first = await replay(asked, { [it.topic]: anything });
    await commit(it.group, it.topic, 6n);
    expect(await replay(asked, { [it.topic]: anything })).toEqual(first);
    expect(await committed(it)).toBe(6n);
  });

  it('reports trimmed records as a gap and puts the group on the first that is left', async () => {
    const it = await shop('trimmed', { read: 3, total: 10 });
    await trim(it.topic, 6);
    const plan = await planReplay(ask(it), depsFor({ [it.topic]: anything }), signal);
    const gap = { fromOffset: '3', toOffset: '6', recordsAtMost: '3' };
    expect(plan.partitions[0]).toMatchObject({ gap, recordsAtMost: '4' });
    const result = await runReplay(plan, depsFor({}), signal);
    expect(result).toMatchObject({ isComplete: false, partitions: [{ gap, replayed: 4, skipped: none }] });
    expect(await committed(it)).toBe(6n);
  });

  it('accounts for markers and aborted records', async () => {
    const [topic, group] = [await bed.topic('markers'), `${bed.prefix}markers`];
    await produce(topic, ['first']);
    await commit(group, topic, 1n);
    const position = await takePosition(topic, [group]);
    await transact(topic, 'kept', 'commit');
    await transact(topic, 'dropped', 'abort');
    await produce(topic, ['last']);
    await commit(group, topic, 6n);
    const { partitions } = await replay(ask({ position }), { [topic]: anything });
    expect(partitions[0]).toMatchObject({ toOffset: '6', replayed: 2, skipped: { ...none, markers: 2, aborted: 1 } });
  });
});

describe('a republish', () => {
  it('copies the frozen range in order, with keys, headers, timestamps and the original coordinates', async () => {
    const it = await shop('republish', { read: 2, total: 5 });
    await produce(it.topic, ['after the group stopped']);
    const asked = ask(it, { mode: 'republish' });
    const result = await replay(asked, { [it.topic]: anything });
    expect(result.partitions[0]).toMatchObject({ fromOffset: '2', toOffset: '5', replayed: 3, skipped: none });
    const all = await readAll(it.topic);
    const [originals, copies] = [all.slice(2, 5), all.slice(6)];
    const essence = (records: readonly LogRecord[]) =>
      records.map(({ key, value, timestamp, headers }) => [String(key), String(value), timestamp, headerText(headers, 'origin')]);
    expect(essence(copies)).toEqual(essence(originals));
    const marks = copies.map(({ headers }) =>
      ['replay-id', 'original-topic', 'original-partition', 'original-offset'].map((n) => headerText(headers, `holdfast-${n}`)),
    );
    expect(marks).toEqual(['2', '3', '4'].map((offset) => [asked.replayId, it.topic, '0', offset]));
  });

  it('twice for one range leaves each original once at the destination', async () => {
    const it = await shop('twice', { read: 1, total: 5 });
    const rules = { [it.topic]: anything };
    const first = await replay(ask(it, { mode: 'republish' }), rules);
    const second = await replay(ask(it, { mode: 'republish' }), rules);
    expect([first, second].map(({ partitions }) => partitions[0]?.replayed)).toEqual([4, 0]);
    expect(second.partitions[0]?.skipped).toEqual({ ...none, copies: 4 });
    expect(values(await readAll(it.topic, 5n))).toEqual(['order-1', 'order-2', 'order-3', 'order-4']);
  });

  it('after the copies were read and lost again copies each original once, not once per copy', async () => {
    const it = await shop('again', { read: 1, total: 4 });
    const rules = { [it.topic]: anything };
    await replay(ask(it, { mode: 'republish' }), rules);
    const readUpTo = (await readLogEnds(bed.cluster, it.topic)).get(0) ?? 0n;
    await commit(it.group, it.topic, readUpTo);
    const { partitions } = await replay(ask(it, { mode: 'republish' }), rules);
    expect(partitions[0]).toMatchObject({ replayed: 3, skipped: { copies: 3 } });
    expect(values(await readAll(it.topic, readUpTo))).toEqual(['order-1', 'order-2', 'order-3']);
  });

  it('lets a copy stand in for an original that was trimmed', async () => {
    const it = await shop('stand-in', { read: 1, total: 4 });
    const rules = { [it.topic]: anything };
    await replay(ask(it, { mode: 'republish' }), rules);
    const readUpTo = (await readLogEnds(bed.cluster, it.topic)).get(0) ?? 0n;
    await commit(it.group, it.topic, readUpTo);
    await trim(it.topic, 3);
    await replay(ask(it, { mode: 'republish' }), rules);
    expect(values(await readAll(it.topic, readUpTo)).sort()).toEqual(['order-1', 'order-2', 'order-3']);
  });

  it('killed between two transactions goes on where it stopped and copies nothing twice', async () => {
    const it = await shop('killed', { read: 0, total: 40 });
    const plan = await planReplay(ask(it, { mode: 'republish', recordsPerSecond: 20 }), depsFor({ [it.topic]: anything }), signal);
    const kill = new AbortController();
    const dying: ReplayDeps = {
      ...depsFor({}),
      onProgress: ({ handledOffsets }) => handledOffsets >= 20n && kill.abort(new AppError('run.cancelled', 'killed')),
    };
    await expect(runReplay(plan, dying, kill.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readAll(it.topic, 40n)).toHaveLength(20);

    const resumed = await runReplay({ ...plan, recordsPerSecond: null }, depsFor({}), signal);
    expect(resumed.partitions[0]).toMatchObject({ replayed: 40, skipped: none });
    expect(values(await readAll(it.topic, 40n))).toEqual(Array.from({ length: 40 }, (_, n) => `order-${n}`));
  });

  it('killed within a transaction leaves nothing of it, and the next attempt fences it out', async () => {
    const it = await shop('fenced', { read: 0, total: 3 });
    const plan = await planReplay(ask(it, { mode: 'republish' }), depsFor({ [it.topic]: anything }), signal);
    const zombie = bed.kafka.producer({
      transactionalId: `holdfast-replay-${plan.replayId}`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    bed.onClose(() => zombie.disconnect());
    await zombie.connect();
    const open = await zombie.transaction();
    await open.send({ topic: it.topic, messages: [{ value: 'half written' }] });

    const { partitions } = await runReplay(plan, depsFor({}), signal);
    expect(partitions[0]).toMatchObject({ replayed: 3 });
    expect(values(await readAll(it.topic, 3n))).toEqual(['order-0', 'order-1', 'order-2']);
    await expect(open.commit()).rejects.toThrow();
  });

  it('keeps the range that it froze, whatever the group read since', async () => {
    const it = await shop('frozen', { read: 1, total: 4 });
    const asked = ask(it, { mode: 'republish' });
    const first = await replay(asked, { [it.topic]: anything });
    await commit(it.group, it.topic, 6n);
    expect(await replay(asked, { [it.topic]: anything })).toEqual(first);
  });

  it('copies to another topic that is allowed, per partition in order', async () => {
    const it = await shop('elsewhere', { read: 1, total: 4 });
    const destination = await bed.topic('elsewhere-replay', 2);
    const rules = { [it.topic]: { ...anything, destinations: [destination] } };
    await replay(ask(it, { mode: 'republish', destination }), rules);
    const again = await replay(ask(it, { mode: 'republish', destination }), rules);
    expect(again.partitions[0]).toMatchObject({ replayed: 0, skipped: { copies: 3 } });
    expect(values(await readAll(destination))).toEqual(['order-1', 'order-2', 'order-3']);
  });

  it('gives a record that the destination would drop for its age the present time, and keeps its own in a header', async () => {
    const topic = await bed.topic('old', 1);
    const destination = await bed.topic('old-replay', 1, { 'retention.ms': '3600000' });
    const timestamp = String(Date.now() - 7_200_000);
    await bed.producer.send({ topic, messages: [{ value: 'old order', timestamp }] });
    const start = { offsets: [{ topic, partition: 0, offset: '0' }] };
    await replay({ replayId: newId(), mode: 'republish', start, destination }, { [topic]: { ...anything, destinations: [destination] } });
    const [copy] = await readAll(destination);
    expect(headerText(copy?.headers, 'holdfast-original-timestamp')).toBe(timestamp);
    expect(Number(copy?.timestamp)).toBeGreaterThan(Number(timestamp) + 3_600_000);
  });

  it('accounts for markers and aborted records, and copies neither', async () => {
    const [topic, group] = [await bed.topic('tx-range'), `${bed.prefix}tx-range`];
    const position = await takePosition(topic, [group]);
    await transact(topic, 'kept', 'commit');
    await transact(topic, 'dropped', 'abort');
    await commit(group, topic, 4n);
    const { partitions } = await replay(ask({ position }, { mode: 'republish' }), { [topic]: anything });
    expect(partitions[0]).toMatchObject({ replayed: 1, skipped: { ...none, markers: 2, aborted: 1 } });
    expect(values(await readAll(topic, 4n))).toEqual(['kept']);
  });
});

describe('a plan', () => {
  it('previews ranges and the time that they span', async () => {
    const it = await shop('preview', { read: 1, total: 3 });
    const plan = await planReplay(ask(it), depsFor({ [it.topic]: anything }), signal);
    expect(plan).toMatchObject({ doubt: null, refusals: [], otherReaders: [], estimatedSeconds: 1 });
    expect(plan.partitions[0]).toMatchObject({ group: it.group, fromOffset: '1', toOffset: '3', recordsAtMost: '2', gap: null });
    expect(plan.partitions[0]?.firstRecordAt).toMatch(/^20\d\d-/);
    expect(plan.partitions[0]?.lastRecordAt).toMatch(/^20\d\d-/);
  });

  it('starts at an instant, for the groups that are found', async () => {
    const [topic, group] = [await bed.topic('instant'), `${bed.prefix}instant`];
    const times = ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z', '2026-11-03T00:00:00Z'];
    await bed.producer.send({ topic, messages: times.map((at) => ({ value: at, timestamp: String(Date.parse(at)) })) });
    await commit(group, topic, 3n);
    const asked = { replayId: newId(), mode: 'reset' as const, topics: [topic], start: { since: new Date('2026-11-01T12:00:00Z') } };
    const { partitions } = await planReplay(asked, depsFor({ [topic]: anything }), signal);
    expect(partitions).toMatchObject([{ group, fromOffset: '1', toOffset: '3', firstRecordAt: '2026-11-02T00:00:00.000Z' }]);
  });

  it.each([
    ['a topic that allows nothing', {}, {}, 'replay.not-allowed'],
    ['a mode that is not allowed', {}, { modes: ['republish' as const] }, 'replay.not-allowed'],
    ['a group that is not allowed', {}, { ...anything, groups: ['other'] }, 'replay.not-allowed'],
    ['a destination that is not allowed', { mode: 'republish' as const, destination: 'elsewhere' }, anything, 'replay.not-allowed'],
    ['two groups at once', { mode: 'republish' as const, groups: ['a', 'b'] }, anything, 'replay.group-required'],
  ])('refuses %s', async (name, more, rule, code) => {
    const it = await shop(name.replaceAll(' ', '-'), { read: 1, total: 2 });
    const destination = 'destination' in more ? await bed.topic(`${name.replaceAll(' ', '-')}-to`) : undefined;
    const rules = 'modes' in rule ? { [it.topic]: rule } : {};
    const asked = ask(it, { ...more, ...(destination === undefined ? {} : { destination }) });
    const plan = await planReplay(asked, depsFor(rules as Record<string, TopicRules>), signal);
    expect(plan.refusals.map((refusal) => refusal.code)).toContain(code);
    await expect(runReplay(plan, depsFor({}), signal)).rejects.toMatchObject({ code });
  });

  it('lists other readers of the destination and refuses until they are accepted', async () => {
    const it = await shop('readers', { read: 1, total: 3 });
    const other = `${bed.prefix}mailer`;
    await commit(other, it.topic, 3n);
    const rules = { [it.topic]: anything };
    const plan = await planReplay(ask(it, { mode: 'republish' }), depsFor(rules), signal);
    expect(plan.otherReaders).toEqual([other]);
    expect(plan.refusals).toMatchObject([{ code: 'replay.readers-not-accepted' }]);
    const slippedIn = { ...plan, refusals: [] };
    await expect(runReplay(slippedIn, depsFor({}), signal)).rejects.toMatchObject({ code: 'replay.readers-not-accepted' });
    const accepted = await replay(ask(it, { mode: 'republish', acceptReaders: [other] }), rules);
    expect(accepted.partitions[0]).toMatchObject({ replayed: 2 });
  });

  it('refuses a topic that was made anew', async () => {
    const it = await shop('remade', { read: 1, total: 3 });
    await bed.admin.deleteTopics({ topics: [it.topic] });
    await until('it is gone', async () => !(await bed.admin.listTopics()).includes(it.topic));
    await bed.topic('remade');
    await until('it is back', async () => (await bed.admin.fetchTopicOffsets(it.topic)).length === 1);
    const plan = await planReplay(ask(it), depsFor({ [it.topic]: anything }), signal);
    expect(plan.refusals).toMatchObject([{ code: 'replay.topic-changed' }]);
  });

  it('says that a position without groups is a guess, and refuses to reset nobody', async () => {
    const topic = await bed.topic('nobody');
    await produce(topic, ['a']);
    const plan = await planReplay(ask({ position: await takePosition(topic, []) }), depsFor({ [topic]: anything }), signal);
    expect(plan.doubt).toContain('no consumer group');
    expect(plan.refusals.map(({ code }) => code)).toEqual(['replay.group-required']);
  });

  it('has nothing to start from without a position', async () => {
    const topic = await bed.topic('unplaced');
    const position = await takePosition(topic, []);
    const asked = ask({ position }, { topics: ['some-other-topic'] });
    await expect(planReplay(asked, depsFor({}), signal)).rejects.toMatchObject({ code: 'replay.position-missing' });
  });
});
