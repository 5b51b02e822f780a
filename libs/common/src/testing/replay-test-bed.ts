import { readBusPosition } from '#common/bus/bus-position.js';
import { commitForStoppedGroup, readCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import type { LogRecord } from '#common/bus/records/log-slice.js';
import { readRange } from '#common/bus/records/read-range.js';
import { openReplayBus, type ReplayBus } from '#common/bus/replay/replay-bus.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { TopicRules } from '#common/domain/request.policy.js';
import type { ReplayPlan } from '#common/operations/replay/plan.js';
import { planReplay } from '#common/operations/replay/plan-replay.js';
import type { ReplayAsk, ReplayDeps } from '#common/operations/replay/request.js';
import type { ReplayResult } from '#common/operations/replay/result.js';
import { runReplay } from '#common/operations/replay/run-replay.js';
import { KafkaTestBed, until } from './kafka-test-bed.js';

export type Rules = Readonly<Record<string, Omit<TopicRules, 'name'>>>;

/** A topic with a group that read some of it, a position taken then, and what came after. */
export interface Shop {
  readonly topic: string;
  readonly group: string;
  readonly position: BusPosition;
}

export const anything: Omit<TopicRules, 'name'> = { modes: ['reset', 'republish'] };
export const nothingSkipped = { copies: 0, markers: 0, aborted: 0, missing: 0, foreign: 0 };
export const values = (records: readonly LogRecord[]): string[] => records.map(({ value }) => value?.toString() ?? '');

/** Real topics, groups and replays for specs, on one test bed. */
export class ReplayTestBed {
  readonly signal = AbortSignal.timeout(120_000);
  private replays = 0;

  private constructor(
    readonly kafka: KafkaTestBed,
    readonly bus: ReplayBus,
  ) {}

  static async open(): Promise<ReplayTestBed> {
    const kafka = await KafkaTestBed.open();
    const bus = await openReplayBus(kafka.kafka);
    kafka.onClose(() => bus.close());
    return new ReplayTestBed(kafka, bus);
  }

  close(): Promise<void> {
    return this.kafka.close();
  }

  async produce(topic: string, names: readonly string[], partition = 0): Promise<void> {
    const messages = names.map((name) => ({ partition, key: `key-${name}`, value: name, headers: { origin: 'spec' } }));
    await this.kafka.producer.send({ topic, messages });
  }

  /** Records as they were read, but for their offsets. */
  async put(topic: string, records: readonly LogRecord[], partition = 0): Promise<void> {
    const messages = records.map(({ offset, timestamp, ...record }) => ({
      ...record,
      timestamp: String(timestamp),
      partition,
    }));
    await this.kafka.producer.send({ topic, messages });
  }

  commit(group: string, topic: string, offset: bigint, partition = 0): Promise<void> {
    return commitForStoppedGroup(this.bus.cluster, group, [{ topic, partition, offset, metadata: null }]);
  }

  async committed({ topic, group }: Pick<Shop, 'topic' | 'group'>): Promise<bigint | undefined> {
    return (await readCommitted(this.bus.cluster, group, topic)).get(0)?.offset;
  }

  takePosition(topic: string, groups: readonly string[]): Promise<BusPosition> {
    return readBusPosition(this.bus.cluster, [{ name: topic, groups }], { now: new Date(), signal: this.signal });
  }

  /** `read` records were read when the position was taken, and `total` when the group stopped. */
  async shop(name: string, { read, total }: { readonly read: number; readonly total: number }): Promise<Shop> {
    const [topic, group] = [await this.kafka.topic(name), `${this.kafka.prefix}${name}-projector`];
    const names = Array.from({ length: total }, (_, n) => `order-${n}`);
    if (read > 0) await this.produce(topic, names.slice(0, read));
    if (read > 0) await this.commit(group, topic, BigInt(read));
    const position = await this.takePosition(topic, [group]);
    await this.produce(topic, names.slice(read));
    await this.commit(group, topic, BigInt(total));
    return { topic, group, position };
  }

  ask({ position }: Pick<Shop, 'position'>, more: Partial<ReplayAsk> = {}): ReplayAsk {
    return { replayId: this.newId(), mode: 'reset', start: { position }, ...more };
  }

  newId(): string {
    this.replays += 1;
    return `${this.kafka.prefix}replay-${this.replays}`;
  }

  deps(rules: Rules = {}): ReplayDeps {
    const named = Object.entries(rules).map(([name, rule]) => ({ name, ...rule }));
    return { bus: this.bus, rules: named, now: () => new Date() };
  }

  plan(asked: ReplayAsk, rules: Rules): Promise<ReplayPlan> {
    return planReplay(asked, this.deps(rules), this.signal);
  }

  run(plan: ReplayPlan, more: Partial<ReplayDeps> = {}): Promise<ReplayResult> {
    return runReplay(plan, { ...this.deps(), ...more }, this.signal);
  }

  async replay(asked: ReplayAsk, rules: Rules): Promise<ReplayResult> {
    return this.run(await this.plan(asked, rules));
  }

  async logEnd(topic: string): Promise<bigint> {
    return (await readLogEnds(this.bus.cluster, topic)).get(0) ?? 0n;
  }

  async readAll(topic: string, fromOffset = 0n, partition = 0): Promise<LogRecord[]> {
    const toOffset = (await readLogEnds(this.bus.cluster, topic)).get(partition) ?? 0n;
    const range = { topic, partition, fromOffset, toOffset };
    const records: LogRecord[] = [];
    for await (const slice of readRange(this.bus.cluster, range, { signal: this.signal }))
      records.push(...slice.records);
    return records;
  }

  async trim(topic: string, offset: number): Promise<void> {
    await this.kafka.admin.fetchTopicOffsets(topic);
    await this.kafka.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
    await until('it is trimmed', async () => (await readLogStarts(this.bus.cluster, topic)).get(0) === BigInt(offset));
  }
}
