import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { toBackoffMs } from '#common/domain/backoff.js';
import { connectPg } from '#common/pg/client.js';
import type { PgConnection } from '#common/pg/connection.js';
import { identifier, type Sql, sql } from '#common/pg/sql.js';
import { toClientOptions } from './connection.js';

/** The payload of one notification; undefined after a reconnection, when any number may have been missed. */
export type OnNotification = (payload: string | undefined) => void;

const BACKOFF = { firstMs: 100, maxMs: 5_000 };

/**
 * LISTEN on one connection of its own, made on first use and made again whenever it is lost.
 * Notifications are hints: a listener also polls.
 */
export class CatalogListener {
  private readonly callbacks = new Map<string, Set<OnNotification>>();
  private readonly closing = new AbortController();
  private readonly firstTry = Promise.withResolvers<void>();
  private client: Client | undefined;
  private running: Promise<void> | undefined;

  constructor(
    private readonly connection: PgConnection,
    private readonly applicationName: string,
  ) {}

  /** Resolves once it listens, or once the first try to connect has failed. The returned function ends it. */
  async listen(channel: string, callback: OnNotification): Promise<() => void> {
    const isNew = !this.callbacks.has(channel);
    this.callbacks.set(channel, (this.callbacks.get(channel) ?? new Set()).add(callback));
    this.running ??= this.keepListening();
    if (isNew) await this.client?.query(toListen(channel).text).catch(() => undefined);
    await this.firstTry.promise;
    return () => void this.callbacks.get(channel)?.delete(callback);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  private async keepListening(): Promise<void> {
    let losses = 0;
    for (let tries = 1; !this.closing.signal.aborted; tries += 1) {
      const client = await this.connect().catch(() => undefined);
      losses += 1;
      if (client !== undefined && (await this.subscribe(client))) {
        losses = 0;
        if (tries > 1) for (const channel of this.callbacks.keys()) this.tell(channel, undefined);
        this.firstTry.resolve();
        await this.untilEnd(client);
      }
      this.client = undefined;
      this.firstTry.resolve();
      void client?.end().catch(() => undefined);
      await this.pause(losses);
    }
  }

  private async connect(): Promise<Client> {
    const options = toClientOptions(this.connection, `${this.applicationName} listen`);
    const { client } = await connectPg(this.connection, { ...options, signal: this.closing.signal });
    client.on('notification', ({ channel, payload }) => this.tell(channel, payload));
    return client;
  }

  private async subscribe(client: Client): Promise<boolean> {
    this.client = client;
    try {
      for (const channel of this.callbacks.keys()) await client.query(toListen(channel).text);
      return true;
    } catch {
      return false;
    }
  }

  /** Every loss also ends the client; what was lost while it subscribed has failed there. */
  private untilEnd(client: Client): Promise<void> {
    const { signal } = this.closing;
    return new Promise((resolve) => {
      client.once('end', () => resolve());
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  private tell(channel: string, payload: string | undefined): void {
    for (const callback of this.callbacks.get(channel) ?? []) callback(payload);
  }

  private async pause(losses: number): Promise<void> {
    const waitMs = toBackoffMs(losses, BACKOFF, Math.random());
    await delay(waitMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
  }
}

const toListen = (channel: string): Sql => sql`LISTEN ${identifier(channel)}`;
