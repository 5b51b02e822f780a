import type { BusClient } from '#common/bus/kafka-client.js';
import { type Committed, readCommitted } from '#common/bus/kafka-groups.js';
import { decideStart, type Start } from './decide-start.js';
import { lookAtTopics, onCluster, type TopicLook } from './look-at-topics.js';
import type { RequestLosses } from './request-losses.js';

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export interface PlacedPartition extends Place {
  readonly start: Start;
  /** The group's commit says something else: the consumer has to be moved. */
  readonly isMoved: boolean;
}

const keyOf = ({ topic, partition }: Place): string => `${topic}/${partition}`;

/** Where this member of the group stands in its partitions, and about which topics that is said. */
export class Positions {
  private ids = new Map<string, string | null>();
  private readonly next = new Map<string, bigint>();
  private readonly told = new Set<string>();
  /** The message that a handler has: it is here, whatever becomes of the log. */
  private held: { readonly key: string; readonly offset: bigint } | undefined;

  constructor(
    private readonly kafka: BusClient,
    private readonly groupId: string,
    private readonly losses: RequestLosses,
  ) {}

  /** Of the topic that is being read; undefined before its partitions were placed. */
  idOf(topic: string): string | null | undefined {
    return this.ids.get(topic);
  }

  /** Nothing is known of partitions that another member has now. */
  forget(): void {
    this.next.clear();
  }

  /** Finds where to go on, and tells what is gone, before the consumer reads on. Throws: bus.unavailable, catalog.unavailable. */
  async place(assignment: Readonly<Record<string, readonly number[]>>): Promise<readonly PlacedPartition[]> {
    const found = await onCluster(this.kafka, async (cluster) => {
      const looks = await lookAtTopics(cluster, Object.keys(assignment));
      const readable = looks.filter(({ error }) => error === null);
      return Promise.all(
        readable.map(async (look) => ({ look, commits: await readCommitted(cluster, this.groupId, look.name) })),
      );
    });
    const placed: PlacedPartition[] = [];
    for (const { look, commits } of found)
      placed.push(...(await this.placeTopic(look, assignment[look.name] ?? [], commits)));
    for (const { topic, partition, start } of placed) this.next.set(keyOf({ topic, partition }), start.offset);
    for (const { look } of found) this.ids.set(look.name, look.id);
    return placed;
  }

  private async placeTopic(
    look: TopicLook,
    partitions: readonly number[],
    commits: ReadonlyMap<number, Committed>,
  ): Promise<PlacedPartition[]> {
    const { name: topic, id: topicId, starts, ends } = look;
    // The broker forgets what was committed for a topic that is deleted: this process alone may know of it.
    if (this.isReplaced(look)) await this.tellReplaced(topic, this.ids.get(topic) ?? null, topicId);
    const placed: PlacedPartition[] = [];
    for (const partition of partitions) {
      const commit = commits.get(partition);
      // One without an id is about the topic that was being read: kafkajs commits so where it was moved by hand.
      const committed = commit && { offset: commit.offset, topicId: commit.metadata ?? this.ids.get(topic) ?? null };
      const [logStart, logEnd] = [starts.get(partition) ?? 0n, ends.get(partition) ?? 0n];
      const start = decideStart({ committed, topicId, logStart, logEnd });
      await this.tell(look, partition, start);
      placed.push({ topic, partition, start, isMoved: commit !== undefined && commit.offset !== start.offset });
    }
    return placed;
  }

  private async tell({ name: topic, id }: TopicLook, partition: number, { replaced, lost }: Start): Promise<void> {
    if (replaced !== undefined) await this.tellReplaced(topic, replaced.formerId, id);
    if (lost !== undefined) await this.losses.lost({ topic, partition, ...lost });
  }

  /** Every partition of the topic shows it. */
  private async tellReplaced(topic: string, formerId: string | null, id: string | null): Promise<void> {
    const change = JSON.stringify([topic, formerId, id]);
    if (this.told.has(change)) return;
    await this.losses.replaced({ topic, formerId, id });
    this.told.add(change);
  }

  /** A topic of the last look that is another one than is being read: its partitions have to be placed anew. Throws: catalog.unavailable. */
  async findReplaced(looks: readonly TopicLook[]): Promise<readonly string[]> {
    const replaced: string[] = [];
    for (const look of looks.filter((each) => each.error === null && this.isReplaced(each))) {
      await this.tellReplaced(look.name, this.ids.get(look.name) ?? null, look.id);
      replaced.push(look.name);
    }
    return replaced;
  }

  private isReplaced({ name, id }: TopicLook): boolean {
    const reading = this.ids.get(name) ?? null;
    return reading !== null && id !== null && reading !== id;
  }

  /** Before a message is handled. A hole in front of it is either what the log keeps none of, or lost. Throws: as `place`. */
  async reach(at: Place, offset: bigint): Promise<void> {
    const expected = this.next.get(keyOf(at));
    if (expected !== undefined && offset > expected) {
      const [look] = await onCluster(this.kafka, (cluster) => lookAtTopics(cluster, [at.topic]));
      if (look !== undefined) await this.tellTrimmed(at, look, offset);
    }
    this.held = { key: keyOf(at), offset };
  }

  /** After a message was handled. */
  passed(at: Place, offset: bigint): void {
    this.held = undefined;
    const expected = this.next.get(keyOf(at));
    if (expected !== undefined && offset >= expected) this.next.set(keyOf(at), offset + 1n);
  }

  /** The first offset that is not here. */
  private wanted(at: Place): bigint | undefined {
    const next = this.next.get(keyOf(at));
    return next !== undefined && this.held?.key === keyOf(at) && this.held.offset >= next
      ? this.held.offset + 1n
      : next;
  }

  /** Partitions whose requests were deleted while they waited, and nothing came after them. Throws: catalog.unavailable. */
  async findTrimmed(looks: readonly TopicLook[]): Promise<void> {
    for (const look of looks.filter(({ name, id }) => this.ids.get(name) === id))
      for (const partition of look.starts.keys()) await this.tellTrimmed({ topic: look.name, partition }, look);
  }

  private async tellTrimmed(at: Place, { starts }: TopicLook, before?: bigint): Promise<void> {
    const [fromOffset, start] = [this.wanted(at), starts.get(at.partition)];
    if (fromOffset === undefined || start === undefined || start <= fromOffset) return;
    const toOffset = before === undefined || before > start ? start : before;
    await this.losses.lost({ ...at, fromOffset, toOffset });
    this.next.set(keyOf(at), toOffset);
  }

  /** How many are there and not yet read by this member. */
  lagOf(looks: readonly TopicLook[]): Record<string, number> {
    return Object.fromEntries(
      looks.map(({ name: topic, ends }) => {
        const behind = [...ends].map(([partition, end]) =>
          Number(end - (this.next.get(keyOf({ topic, partition })) ?? end)),
        );
        return [topic, behind.reduce((sum, count) => sum + Math.max(0, count), 0)];
      }),
    );
  }
}
