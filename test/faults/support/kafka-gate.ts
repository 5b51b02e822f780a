import { TcpGate, type TcpGateAddress } from '#common/testing/tcp-gate.js';
import { type Breakpoint, Hold } from './breakpoint.js';
import { type Conversation, conversing } from './conversation.js';
import type { Passing } from './lane.js';

/** Numbers of requests. Source: Kafka protocol guide, "Api Keys". */
const APIS = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  JoinGroup: 11,
  Heartbeat: 12,
  SyncGroup: 14,
  DescribeGroups: 15,
  CreateTopics: 19,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const;

export interface BusMatch {
  readonly api: keyof typeof APIS;
  /** Found in the request as it is on the wire: a topic, a group, the text of an uncompressed record. */
  readonly containing?: RegExp;
}

interface Seen {
  readonly api: number;
  readonly bytes: Buffer;
}

/**
 * Stands before a Kafka broker: one request can be held before the broker gets it, or after the broker did it. The broker tells its
 * clients where it is; the gate puts its own port there, so that they stay.
 */
export class KafkaGate {
  private readonly before: Hold<BusMatch>[] = [];
  private readonly after: Hold<BusMatch>[] = [];
  private gate: TcpGate | undefined;

  static async open(broker: TcpGateAddress): Promise<KafkaGate> {
    const kafka = new KafkaGate();
    const wire = conversing(() => kafka.toConversation(toPlace(broker), kafka.port));
    kafka.gate = await TcpGate.open(broker, { wire });
    return kafka;
  }

  get port(): number {
    return this.gate?.port ?? 0;
  }

  /** The broker never hears of it while it is held. */
  holdBefore(match: BusMatch, nth?: number): Breakpoint {
    return arm(this.before, match, nth);
  }

  /** The broker has done it, and the client does not know while it is held. */
  holdAfter(match: BusMatch, nth?: number): Breakpoint {
    return arm(this.after, match, nth);
  }

  /** The broker is gone, for those who come this way. */
  shut(): void {
    this.gate?.shut();
  }

  reopen(): void {
    this.gate?.reopen();
  }

  async close(): Promise<void> {
    await this.gate?.close();
  }

  private toConversation(place: Buffer, port: number): Conversation {
    const requests = new Frames();
    const answers = new Frames();
    const held = new Map<number, Hold<BusMatch>>();
    return {
      splitRequests: (chunk) => requests.split(chunk),
      splitAnswers: (chunk) => answers.split(chunk),
      onRequest: (message): Passing => {
        const seen = { api: message.readInt16BE(4), bytes: message };
        const after = take(this.after, seen);
        if (after !== undefined) held.set(message.readInt32BE(8), after);
        return { message, hold: take(this.before, seen) };
      },
      onAnswer: (message): Passing => {
        const id = message.readInt32BE(4);
        const hold = held.get(id);
        held.delete(id);
        return { message: withPort(message, place, port), hold };
      },
    };
  }
}

/** Messages that begin with their length. */
class Frames {
  private rest = Buffer.alloc(0);

  split(chunk: Buffer): Buffer[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const messages: Buffer[] = [];
    while (this.rest.length >= 4) {
      const size = this.rest.readUInt32BE(0) + 4;
      if (this.rest.length < size) break;
      messages.push(this.rest.subarray(0, size));
      this.rest = this.rest.subarray(size);
    }
    return messages;
  }
}

/** How a broker's address looks in an answer. */
function toPlace({ host, port }: TcpGateAddress): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(port);
  return Buffer.concat([Buffer.from(host), number]);
}

function withPort(message: Buffer, place: Buffer, port: number): Buffer {
  let at = message.indexOf(place);
  if (at < 0) return message;
  const changed = Buffer.from(message);
  for (; at >= 0; at = changed.indexOf(place, at + 1)) changed.writeUInt32BE(port, at + place.length - 4);
  return changed;
}

function arm(holds: Hold<BusMatch>[], match: BusMatch, nth?: number): Breakpoint {
  const hold = new Hold(match, nth);
  holds.push(hold);
  return hold;
}

const take = (holds: readonly Hold<BusMatch>[], { api, bytes }: Seen): Hold<BusMatch> | undefined =>
  holds.find(
    (hold) =>
      hold.isArmed &&
      APIS[hold.match.api] === api &&
      (hold.match.containing?.test(bytes.toString('latin1')) ?? true) &&
      hold.isNth(),
  );
