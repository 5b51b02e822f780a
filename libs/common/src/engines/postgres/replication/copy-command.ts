import type pg from 'pg';

/** One row of an answer, by column. */
export type Row = Readonly<Record<string, string | null>>;

interface FieldsMessage {
  readonly fields: readonly { readonly name: string }[];
}

/** The driver's connection, as far as its own queries use it. */
interface Wire {
  readonly stream: { pause(): void; resume(): void };
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  on(event: 'copyDone', listener: () => void): void;
  off(event: 'copyDone', listener: () => void): void;
}

/** Of what has come and no reader has taken yet; the server then waits. */
const QUEUE_BYTES = 4 << 20;

/**
 * One replication command that answers with COPY data, in one direction or in both: BASE_BACKUP, START_REPLICATION. The reader sets the
 * pace: what it does not take stays with the server. Source: PostgreSQL "Streaming Replication Protocol", "Message Flow: COPY".
 */
export class CopyCommand implements pg.Submittable {
  /** Rows before and after the data, one list for each answer. */
  readonly answers: Row[][] = [];
  private columns: readonly string[] = [];
  private readonly queue: Buffer[] = [];
  private queuedBytes = 0;
  private isPaused = false;
  private failure: unknown;
  private wake: (() => void) | undefined;
  private wire: Wire | undefined;
  private isReady = false;
  private isEnding = false;

  constructor(private readonly text: string) {}

  /** Every message, whole and in order; returns when the server is ready for the next command. Throws: what the driver throws. */
  async *messages(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      for (let message = this.queue.shift(); message !== undefined; message = this.queue.shift()) {
        this.queuedBytes -= message.length;
        if (this.isPaused && this.queuedBytes < QUEUE_BYTES / 2) this.resume();
        yield message;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.isReady) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** To the server, while it copies in both directions. */
  send(message: Uint8Array): void {
    if (this.wire !== undefined && !this.isEnding && !this.isReady) this.wire.sendCopyFromChunk(message);
  }

  /** Ends a copy in both directions: the server ends it as well, and `messages` comes to its end. */
  end(): void {
    if (this.isEnding || this.isReady) return;
    this.isEnding = true;
    this.wire?.endCopyFrom();
  }

  submit(connection: pg.Connection): void {
    this.wire = connection as unknown as Wire;
    this.wire.on('copyDone', this.handleCopyDone);
    this.wire.query(this.text);
  }

  handleRowDescription({ fields }: FieldsMessage): void {
    this.columns = fields.map(({ name }) => name);
    this.answers.push([]);
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.answers.at(-1)?.push(Object.fromEntries(this.columns.map((name, index) => [name, fields[index] ?? null])));
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    // A copy: the driver writes the next messages into the same memory.
    this.queue.push(Buffer.from(chunk));
    this.queuedBytes += chunk.length;
    if (!this.isPaused && this.queuedBytes >= QUEUE_BYTES) {
      this.isPaused = true;
      this.wire?.stream.pause();
    }
    this.wakeUp();
  }

  handleCommandComplete(): void {
    // The server is ready a message later.
  }

  handleEmptyQuery(): void {
    // No command is empty.
  }

  handleReadyForQuery(): void {
    this.isReady = true;
    this.finish();
  }

  handleError(error: unknown): void {
    this.failure ??= error;
    this.finish();
  }

  /** The server leaves the copy, at the end of a timeline say: it waits for us to leave it as well. */
  private readonly handleCopyDone = (): void => {
    // After a copy out there is nothing to leave; the server ignores it then.
    if (this.isBothWays) this.end();
  };

  private get isBothWays(): boolean {
    return this.text.startsWith('START_REPLICATION');
  }

  private resume(): void {
    this.isPaused = false;
    this.wire?.stream.resume();
  }

  private finish(): void {
    this.wire?.off('copyDone', this.handleCopyDone);
    if (this.isPaused) this.resume();
    this.wakeUp();
  }

  private wakeUp(): void {
    this.wake?.();
    this.wake = undefined;
  }
}
