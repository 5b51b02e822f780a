import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type pg from 'pg';
import { toText } from '#common/errors/printable.js';

/** The driver's connection, as far as an upload uses it. */
interface Wire {
  readonly stream: NodeJS.WritableStream & { readonly writableNeedDrain: boolean };
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/**
 * One replication command that takes data and answers with none: UPLOAD_MANIFEST. The server sets the pace. A body that fails is withdrawn: the
 * server keeps nothing of it. Source: PostgreSQL "Streaming Replication Protocol", "Message Flow: COPY".
 */
export class UploadCommand implements pg.Submittable {
  /** Rejects with the error of the body before that of the server. */
  readonly done: Promise<void>;
  private readonly settle: { resolve: () => void; reject: (error: unknown) => void };
  private wire: Wire | undefined;
  private failure: unknown;
  private isOver = false;

  constructor(
    private readonly text: string,
    private readonly body: Readable,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    [this.done, this.settle] = [promise, { resolve, reject }];
  }

  submit(connection: pg.Connection): void {
    this.wire = connection as unknown as Wire;
    this.wire.query(this.text);
  }

  handleCopyInResponse(): void {
    const { wire } = this;
    if (wire === undefined) return;
    this.send(wire).then(
      () => this.isOver || wire.endCopyFrom(),
      (error: unknown) => {
        this.failure ??= error;
        if (!this.isOver) wire.sendCopyFail(toText(error));
      },
    );
  }

  handleRowDescription(): void {
    // It answers with no rows.
  }

  handleDataRow(): void {
    // It answers with no rows.
  }

  handleCommandComplete(): void {
    // The server is ready a message later.
  }

  handleEmptyQuery(): void {
    // No command is empty.
  }

  handleReadyForQuery(): void {
    this.end();
  }

  handleError(error: unknown): void {
    this.failure ??= error;
    this.end();
  }

  private async send(wire: Wire): Promise<void> {
    for await (const chunk of this.body) {
      // The server has refused already, and says why.
      if (this.isOver) return;
      wire.sendCopyFromChunk(chunk as Uint8Array);
      if (wire.stream.writableNeedDrain) await Promise.race([once(wire.stream, 'drain'), this.done]);
    }
  }

  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.body.destroy();
    if (this.failure === undefined) this.settle.resolve();
    else this.settle.reject(this.failure);
  }
}
