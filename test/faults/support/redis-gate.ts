import { TcpGate, type TcpGateAddress } from '#common/testing/tcp-gate.js';
import { type Breakpoint, Hold } from './breakpoint.js';
import { type Conversation, conversing } from './conversation.js';
import type { Passing } from './lane.js';

/** Stands before a Redis or Valkey server: one command can be held before the server gets it, or after the server did it. */
export class RedisGate {
  private readonly before: Hold<RegExp>[] = [];
  private readonly after: Hold<RegExp>[] = [];
  private gate: TcpGate | undefined;

  static async open(server: TcpGateAddress): Promise<RedisGate> {
    const redis = new RedisGate();
    redis.gate = await TcpGate.open(server, { wire: conversing(() => redis.toConversation()) });
    return redis;
  }

  get port(): number {
    return this.gate?.port ?? 0;
  }

  /** By the command with its arguments, a blank between them. The server never hears of it while it is held. */
  holdBefore(command: RegExp, nth?: number): Breakpoint {
    return arm(this.before, command, nth);
  }

  /** The server has it, and the client hears nothing more of this connection while it is held. */
  holdAfter(command: RegExp, nth?: number): Breakpoint {
    return arm(this.after, command, nth);
  }

  async close(): Promise<void> {
    await this.gate?.close();
  }

  private toConversation(): Conversation {
    const commands = new Commands();
    let pending: Hold<RegExp> | undefined;
    return {
      splitRequests: (chunk) => commands.split(chunk),
      splitAnswers: (chunk) => [chunk],
      onRequest: (message): Passing => {
        const text = toText(message);
        pending ??= take(this.after, text);
        return { message, hold: take(this.before, text) };
      },
      onAnswer: (message): Passing => {
        const hold = pending;
        pending = undefined;
        return { message, hold };
      },
    };
  }
}

/** What clients send: arrays of strings that begin with their lengths. Source: Redis serialization protocol, "Sending commands". */
class Commands {
  private rest = Buffer.alloc(0);

  split(chunk: Buffer): Buffer[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const messages: Buffer[] = [];
    for (let end = endOf(this.rest); end !== undefined; end = endOf(this.rest)) {
      messages.push(this.rest.subarray(0, end));
      this.rest = this.rest.subarray(end);
    }
    return messages;
  }
}

/** Behind the first command; undefined while it is not whole. */
function endOf(bytes: Buffer): number | undefined {
  let at = bytes.indexOf('\r\n');
  if (at < 0) return undefined;
  const count = Number(bytes.toString('latin1', 1, at));
  at += 2;
  for (let n = 0; n < count; n += 1) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    at = line + 2 + Number(bytes.toString('latin1', at + 1, line)) + 2;
    if (at > bytes.length) return undefined;
  }
  return at;
}

const toText = (message: Buffer): string =>
  message
    .toString('latin1')
    .replace(/^\*\d+\r\n/, '')
    .replace(/\$\d+\r\n/g, '')
    .trimEnd()
    .replaceAll('\r\n', ' ');

function arm(holds: Hold<RegExp>[], command: RegExp, nth?: number): Breakpoint {
  const hold = new Hold(command, nth);
  holds.push(hold);
  return hold;
}

const take = (holds: readonly Hold<RegExp>[], text: string): Hold<RegExp> | undefined =>
  holds.find((hold) => hold.isArmed && hold.match.test(text) && hold.isNth());
