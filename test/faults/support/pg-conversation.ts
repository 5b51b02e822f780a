import type { Hold } from './breakpoint.js';
import type { Conversation } from './conversation.js';
import type { Passing } from './lane.js';

export interface SeenStatement {
  readonly application: string;
  /** With the values behind it that were bound to it. */
  readonly text: string;
  /** What the same transaction said before. */
  readonly earlier: readonly string[];
}

export interface PgWatcher {
  readonly onStatement: (seen: SeenStatement) => void;
  readonly before: (seen: SeenStatement) => Hold<unknown> | undefined;
  readonly after: (seen: SeenStatement) => Hold<unknown> | undefined;
}

/** Requests without a type byte: they come before the session begins. */
const NEGOTIATIONS = new Set([80877103, 80877104]);
const STARTUP_MAJOR = 3;
/**
 * Notices, settings and notifications come unasked: they are no answer. That rows of a COPY may come, and the rows themselves, are not
 * yet one either: the server has done it when it says so.
 */
const NO_ANSWER = new Set([...'NSA', ...'GHdc']);
const KEPT_TEXT = 4_000;

/**
 * One session in PostgreSQL's wire protocol, as far as statements need it: simple queries and bound ones.
 * Source: PostgreSQL "Message Formats".
 */
export class PgConversation implements Conversation {
  private fromClient = Buffer.alloc(0);
  private fromServer = Buffer.alloc(0);
  private phase: 'startup' | 'negotiating' | 'session' | 'opaque' = 'startup';
  private application = '';
  private parsed = '';
  private earlier: string[] = [];
  private answerHold: Hold<unknown> | undefined;

  constructor(private readonly watcher: PgWatcher) {}

  splitRequests(chunk: Buffer): Buffer[] {
    this.fromClient = Buffer.concat([this.fromClient, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const size = this.sizeOfRequest();
      if (size === undefined || this.fromClient.length < size) return messages;
      const message = this.fromClient.subarray(0, size);
      this.fromClient = this.fromClient.subarray(size);
      if (this.phase === 'startup' || this.phase === 'negotiating') this.readStartup(message);
      messages.push(message);
    }
  }

  splitAnswers(chunk: Buffer): Buffer[] {
    // One bare byte answers a wish for encryption; our servers say no, and an encrypted session could not be read.
    if (this.phase === 'negotiating' || this.phase === 'opaque') {
      if (this.phase === 'negotiating' && chunk[0] !== 0x4e) this.phase = 'opaque';
      return [chunk];
    }
    this.fromServer = Buffer.concat([this.fromServer, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      if (this.fromServer.length < 5) return messages;
      const size = this.fromServer.readUInt32BE(1) + 1;
      if (this.fromServer.length < size) return messages;
      messages.push(this.fromServer.subarray(0, size));
      this.fromServer = this.fromServer.subarray(size);
    }
  }

  onRequest(message: Buffer): Passing {
    const text = this.phase === 'session' ? this.toStatement(message) : undefined;
    if (text === undefined) return { message };
    if (/^(begin|start transaction)/i.test(text)) this.earlier = [];
    const seen = { application: this.application, text, earlier: this.earlier };
    this.earlier = [...this.earlier, text];
    this.watcher.onStatement(seen);
    this.answerHold = this.watcher.after(seen);
    return { message, hold: this.watcher.before(seen) };
  }

  onAnswer(message: Buffer): Passing {
    const hold = this.answerHold;
    if (hold === undefined || NO_ANSWER.has(String.fromCharCode(message[0] ?? 0))) return { message };
    this.answerHold = undefined;
    return { message, hold };
  }

  private sizeOfRequest(): number | undefined {
    if (this.phase === 'opaque') return this.fromClient.length || undefined;
    const typeBytes = this.phase === 'session' ? 1 : 0;
    if (this.fromClient.length < typeBytes + 4) return undefined;
    return this.fromClient.readUInt32BE(typeBytes) + typeBytes;
  }

  private readStartup(message: Buffer): void {
    const code = message.readUInt32BE(4);
    if (NEGOTIATIONS.has(code)) {
      this.phase = 'negotiating';
      return;
    }
    // Anything else is the wish to cancel, which has no answer.
    this.phase = code >>> 16 === STARTUP_MAJOR ? 'session' : 'opaque';
    const words = message.subarray(8).toString('utf8').split('\0');
    this.application = words[words.indexOf('application_name') + 1] ?? '';
  }

  /** Executing needs Bind, so that is where a bound statement begins. */
  private toStatement(message: Buffer): string | undefined {
    const type = String.fromCharCode(message[0] ?? 0);
    if (type === 'P') this.parsed = message.toString('utf8', 5).split('\0')[1] ?? '';
    if (type === 'Q') return trim(message.toString('utf8', 5, message.length - 1));
    if (type === 'B') return trim(`${this.parsed}\n${message.toString('utf8', 5).replace(/\p{Cc}+/gu, ' ')}`);
    return undefined;
  }
}

const trim = (text: string): string => text.trim().slice(0, KEPT_TEXT);
