import { randomUUID } from 'node:crypto';
import { type Consumer, Partitioners, type Producer } from 'kafkajs';
import { openKafka } from '#tools/sandbox/kafka.js';
import { Trouble } from '#tools/sandbox/trouble.js';
import { type CloudEvent, fromBinaryMode, toBinaryMode, toStructuredMode } from './cloud-event.js';

const families = ['backup', 'restore', 'verification', 'replay'];
const kinds = ['started', 'progressed', 'completed', 'failed', 'rejected'];
const absent = new Set(['verification.progressed', 'replay.progressed']);
const types = families
  .flatMap((family) => kinds.map((kind) => `${family}.${kind}`))
  .filter((type) => !absent.has(type));

const source = 'urn:quickstart:operations-desk';
const followMs = 300_000;

interface Follower {
  readonly requestId: string;
  see(event: CloudEvent): void;
}

export interface Asked {
  readonly type: string;
  readonly mode: 'binary' | 'structured';
  readonly data: Readonly<Record<string, unknown>>;
}

/** Another service on the bus: publishes requests, and consumes what Holdfast says about them. */
export class BusClient {
  private readonly producer: Producer;
  private readonly consumer: Consumer;
  private readonly followers = new Set<Follower>();

  constructor(
    private readonly topicPrefix: string,
    private readonly signal: AbortSignal,
  ) {
    const kafka = openKafka();
    this.producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    this.consumer = kafka.consumer({ groupId: `${topicPrefix}operations-desk`, maxWaitTimeInMs: 100 });
  }

  /** The topics have to be there already. */
  async connect(): Promise<void> {
    await Promise.all([this.producer.connect(), this.consumer.connect()]);
    const topics = types.map((type) => this.topicPrefix + type);
    await this.consumer.subscribe({ topics, fromBeginning: true });
    await this.consumer.run({
      eachMessage: async ({ message }) => {
        const event = fromBinaryMode({ value: message.value, ...(message.headers && { headers: message.headers }) });
        for (const follower of this.followers) if (event.correlationid === follower.requestId) follower.see(event);
      },
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.producer.disconnect(), this.consumer.disconnect()]);
  }

  /**
   * Publishes a request and shows everything that comes back about it, until an event of type `until` has arrived, which is returned, and
   * every fact before it: each type has a topic of its own, so the last may come first. A refusal or a failure ends it with what Holdfast says about that, and its hint.
   */
  async ask({ type, mode, data }: Asked, until: string, onEvent: (event: CloudEvent) => void): Promise<CloudEvent> {
    const event = { type, id: randomUUID(), source, time: new Date().toISOString(), data };
    const { promise, resolve, reject } = Promise.withResolvers<CloudEvent>();
    const numbers = new FactNumbers();
    let last: CloudEvent | undefined;
    const follower: Follower = {
      requestId: event.id,
      see: (answer) => {
        onEvent(answer);
        numbers.add(answer);
        if (answer.type === until) last = answer;
        if (last !== undefined && numbers.areWhole) resolve(last);
        if (/\.(failed|rejected)$/.test(answer.type)) reject(toTrouble(answer));
      },
    };
    const onAbort = () => reject(this.signal.reason);
    this.signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => reject(new Trouble(`no ${until} within ${followMs / 1000} s`)), followMs);
    this.followers.add(follower);
    try {
      const key = String(data['dataset']);
      const message = mode === 'binary' ? toBinaryMode(event, key) : toStructuredMode(event, key);
      await this.producer.send({ topic: this.topicPrefix + type, messages: [message] });
      return await promise;
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener('abort', onAbort);
      this.followers.delete(follower);
    }
  }
}

/** The facts of a run are numbered from 1 on, so it shows when one is still to come. */
class FactNumbers {
  private readonly ofRuns = new Map<unknown, Set<number>>();

  add({ data: { runId, sequence } }: CloudEvent): void {
    if (typeof sequence !== 'number') return;
    this.ofRuns.set(runId, (this.ofRuns.get(runId) ?? new Set()).add(sequence));
  }

  get areWhole(): boolean {
    return [...this.ofRuns.values()].every((numbers) => numbers.size === Math.max(...numbers));
  }
}

function toTrouble({ type, data }: CloudEvent): Trouble {
  const problem = (data['error'] ?? {}) as { code?: string; message?: string; hint?: string; context?: unknown };
  const context = problem.context === undefined ? '' : `\n${JSON.stringify(problem.context)}`;
  return new Trouble(`${type}: ${problem.code}: ${problem.message}${context}`, { hint: problem.hint ?? '' });
}
