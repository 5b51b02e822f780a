import type pg from 'pg';
import { type Connected, connectPg } from '#common/pg/client.js';
import type { PgConnection } from '#common/pg/connection.js';
import { toPgError } from './pg-errors.js';

type ConnectOptions = Parameters<typeof connectPg>[1] & { readonly signal: AbortSignal };

/** A driver's client that is connected. Throws: postgres.*; the abort reason. */
export async function connectClient(connection: PgConnection, o: ConnectOptions, doing: string): Promise<Connected> {
  o.signal.throwIfAborted();
  try {
    return await connectPg(connection, o);
  } catch (error) {
    throw o.signal.aborted ? o.signal.reason : toPgError(error, connection, doing);
  }
}

/** How a client ends: once, at an abort or when its session is closed, and without waiting long for a server that never says goodbye. */
export class ClientEnd {
  private closing: Promise<void> | undefined;

  /** `goodbyeMs`: how long a server may take to end the connection, asked when the end begins. */
  constructor(
    private readonly client: pg.Client,
    private readonly signal: AbortSignal,
    private readonly goodbyeMs: () => number,
  ) {
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  get hasBegun(): boolean {
    return this.closing !== undefined;
  }

  /** Idempotent, never throws. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private readonly onAbort = (): void => {
    this.close().catch(() => undefined);
  };

  private async end(): Promise<void> {
    this.signal.removeEventListener('abort', this.onAbort);
    const leaving = setTimeout(() => this.client.connection.stream.destroy(), this.goodbyeMs());
    await this.client.end().catch(() => undefined);
    clearTimeout(leaving);
  }
}
