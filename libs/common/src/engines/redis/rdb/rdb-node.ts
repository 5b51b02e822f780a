import { toAddress } from '#common/engines/redis/connection.js';
import type { NodeFacts } from '#common/engines/redis/facts.js';
import { type Member, toSlotText } from '#common/engines/redis/topology.js';
import { MAX_SAMPLE_BYTES, RdbCounter } from './rdb-counter.js';
import { RdbReader } from './rdb-reader.js';

/** The snapshot of one server: what it counts, while its bytes pass by. */
export class RdbNode {
  readonly counter: RdbCounter;
  private sizeBytes = 0;
  private readonly begunAt = new Date();

  constructor(
    readonly member: Member,
    readonly object: string,
    only?: number,
  ) {
    this.counter = new RdbCounter(undefined, only);
  }

  /** Hands on every byte of the snapshot, and ends only when they are a whole file. Throws: redis.*. */
  async *count(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    const reader = new RdbReader(this.counter, {
      what: `the snapshot of ${toAddress(this.member.node)}`,
      maxValueBytes: MAX_SAMPLE_BYTES,
    });
    for await (const chunk of bytes) {
      reader.push(chunk);
      yield chunk;
    }
    this.sizeBytes = reader.end();
  }

  get facts(): NodeFacts {
    const { aux, header } = this.counter;
    const { node, role } = this.member;
    const numberOf = (name: string): number | undefined => (aux.has(name) ? Number(aux.get(name)) : undefined);
    const seconds = numberOf('ctime');
    return {
      ...{ object: this.object, address: toAddress(node), role, slots: toSlotText(this.member) },
      replicationId: aux.get('repl-id') ?? null,
      replicationOffset: numberOf('repl-offset') ?? null,
      rdbVersion: header?.version ?? null,
      sizeBytes: this.sizeBytes,
      memoryBytes: numberOf('used-mem') ?? 0,
      takenAt: (seconds === undefined ? this.begunAt : new Date(seconds * 1_000)).toISOString(),
    };
  }
}
