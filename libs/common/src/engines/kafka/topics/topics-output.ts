import { Readable } from 'node:stream';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { BackupSession, OutputObject } from '#common/engines/engine.js';
import type { OpenKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicFacts, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { mergeGroups, mergeTopic, type Parent } from './chain.js';
import type { Frozen, FrozenGroup, FrozenTopic } from './freeze-topics.js';
import { PartitionReading } from './partition-reading.js';

export interface TopicsOutputDeps {
  readonly kafka: OpenKafka;
  readonly frozen: Frozen;
  readonly busPosition: BusPosition | null;
  readonly sealing: Sealing;
  readonly signal: AbortSignal;
  /** An object is not begun anew before it has so many bytes. */
  readonly objectBytes: number;
  /** Of an increment: what it continues, and the ids of all that it builds on. */
  readonly parent?: Parent;
  readonly needs?: readonly string[];
}

interface Next {
  readonly reading: PartitionReading;
  readonly batch: Buffer;
}

/** The record batches of every partition, one after the other, as the broker stores them: the format of its own log files. */
export class TopicsOutput implements BackupSession<TopicsFacts> {
  readonly tools = {};
  private readonly readings: ReadonlyMap<string, PartitionReading>;
  private readonly source: AsyncGenerator<Next>;
  private next: Next | undefined;

  constructor(private readonly d: TopicsOutputDeps) {
    this.readings = new Map(
      d.frozen.topics.flatMap(({ name, partitions }) =>
        partitions.map((each) => {
          const committed = commitsOf(d.frozen, name, each.partition);
          return [keyOf(name, each.partition), new PartitionReading(name, each, committed)] as const;
        }),
      ),
    );
    this.source = this.read();
  }

  get needs(): readonly string[] {
    return this.d.needs ?? [];
  }

  get busPosition(): BusPosition | null {
    return this.d.busPosition;
  }

  async *objects(): AsyncGenerator<OutputObject> {
    const { sealing, signal } = this.d;
    await this.advance();
    for (let index = 0; index === 0 || this.next !== undefined; index += 1) {
      const name = `${String(index).padStart(5, '0')}.log`;
      const input = Readable.from(this.fill(name), { objectMode: false });
      const chain = spawnChain(sealing.tail(), { signal, input });
      yield { name, stage: 'topics', stream: chain.stdout };
      await chain.ended;
    }
  }

  async facts(): Promise<TopicsFacts> {
    const { takenAt, clusterId, topics, groups, acls } = this.d.frozen;
    return {
      acls: acls === null ? null : [...acls],
      takenAt,
      clusterId,
      topics: topics.map((topic) => this.toTopicFacts(topic)),
      groups: this.toGroups(groups),
    };
  }

  private toGroups(groups: readonly FrozenGroup[]): TopicsFacts['groups'] {
    const recordsBefore = (topic: string, partition: number, offset: bigint): number =>
      this.readingOf(topic, partition)?.recordsBefore(offset) ?? 0;
    const { parent, frozen } = this.d;
    if (parent !== undefined) return mergeGroups(groups, { parent, recordsBefore, topics: frozen.topics });
    return groups.map(({ name, commits }) => ({
      name,
      offsets: commits.map(({ topic, partition, offset, metadata }) => ({
        ...{ topic, partition, offset: String(offset), metadata },
        recordsBefore: recordsBefore(topic, partition, offset),
      })),
    }));
  }

  async close(): Promise<void> {
    await this.source.return(undefined).catch(() => undefined);
    await this.d.kafka.close();
  }

  private toTopicFacts({ partitions, ...topic }: FrozenTopic): TopicFacts {
    const facts = partitions.flatMap(({ partition }) => this.readingOf(topic.name, partition)?.facts() ?? []);
    const own = { ...topic, configs: { ...topic.configs }, partitions: facts };
    return this.d.parent === undefined ? own : mergeTopic(own, this.d.parent);
  }

  private readingOf(topic: string, partition: number): PartitionReading | undefined {
    return this.readings.get(keyOf(topic, partition));
  }

  private async *fill(object: string): AsyncGenerator<Buffer> {
    let bytes = 0;
    while (this.next !== undefined && bytes < this.d.objectBytes) {
      const { reading, batch } = this.next;
      if (reading.place(batch, object, bytes)) {
        bytes += batch.length;
        yield batch;
      }
      await this.advance();
    }
  }

  private async advance(): Promise<void> {
    const { value } = await this.source.next();
    this.next = value ?? undefined;
  }

  private async *read(): AsyncGenerator<Next, undefined> {
    const { kafka, signal } = this.d;
    for (const reading of this.readings.values())
      for await (const batch of reading.batches(kafka.cluster, signal)) yield { reading, batch };
    return undefined;
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

const commitsOf = ({ groups }: Frozen, topic: string, partition: number): bigint[] =>
  groups.flatMap(({ commits }) =>
    commits.filter((each) => each.topic === topic && each.partition === partition).map(({ offset }) => offset),
  );
