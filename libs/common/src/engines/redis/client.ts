import { Redis } from 'ioredis';
import type { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { type RedisConnection, type RedisNode, toAddress, toTlsOptions } from './connection.js';
import { toRedisError } from './redis-errors.js';

export interface ClientOptions {
  readonly signal: AbortSignal;
  /** What `CLIENT LIST` shows. */
  readonly name: string;
  readonly db?: number | undefined;
}

const CONNECT_MS = 10_000;

type Login = Pick<RedisConnection, 'username' | 'password' | 'tls'>;

/** Name and arguments. */
export type RedisCommand = readonly [string, ...(string | Buffer)[]];

/** One connection to one server. It never reconnects: what was asked of a server is not asked of the next one on its address. */
export class RedisClient {
  /** Resolves when the connection has ended, at either end. */
  readonly whenClosed: Promise<void>;

  private constructor(
    private readonly redis: Redis,
    readonly node: RedisNode,
  ) {
    this.whenClosed = new Promise((resolve) => redis.once('end', resolve));
  }

  /** Throws: redis.*, config.invalid; the abort reason. */
  static async open(login: Login, node: RedisNode, o: ClientOptions): Promise<RedisClient> {
    o.signal.throwIfAborted();
    const { username, password, tls } = login;
    const redis = new Redis({
      ...{ host: node.host, port: node.port, lazyConnect: true, connectTimeout: CONNECT_MS, db: o.db ?? 0 },
      ...{ retryStrategy: () => null, maxRetriesPerRequest: 0, enableReadyCheck: false, autoResubscribe: false },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls: toTlsOptions(tls, node.host) }),
    });
    const client = new RedisClient(redis, node);
    let problem: unknown;
    redis.on('error', (error) => {
      problem ??= error;
    });
    const onAbort = () => redis.disconnect();
    o.signal.addEventListener('abort', onAbort, { once: true });
    redis.once('end', () => o.signal.removeEventListener('abort', onAbort));
    try {
      await redis.connect();
      // The driver reports a refused password as an event; the first command says it again.
      await client.call('PING');
      await client.call('CLIENT', 'SETNAME', o.name.replace(/[^\x21-\x7e]+/g, '-')).catch(() => undefined);
      return client;
    } catch (error) {
      redis.disconnect();
      o.signal.throwIfAborted();
      throw toRedisError(problem ?? error, client.address);
    }
  }

  get address(): string {
    return toAddress(this.node);
  }

  /** Strings come as text. Throws: redis.*. */
  async call(command: string, ...args: readonly (string | number | Buffer)[]): Promise<unknown> {
    try {
      return await this.redis.call(command, ...args);
    } catch (error) {
      throw toRedisError(error, this.address);
    }
  }

  /** Strings come as bytes. Throws: redis.*. */
  async callBytes(command: string, ...args: readonly (string | number | Buffer)[]): Promise<unknown> {
    try {
      return await this.redis.callBuffer(command, ...args);
    } catch (error) {
      throw toRedisError(error, this.address);
    }
  }

  /** Sends all at once and returns the answers in order; one that is an error is an `Error`. Throws: redis.unreachable. */
  async batch(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    const pipeline = this.redis.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const results = (await pipeline.exec()) ?? [];
    const lost = results.find(([error]) => error !== null && error.name !== 'ReplyError')?.[0];
    if (lost) throw toRedisError(lost, this.address);
    return results.map(([error, answer]) => error ?? answer);
  }

  /** An error answer of a batch, as one of ours. */
  toError(answer: Error): AppError {
    return toRedisError(answer, this.address);
  }

  /** In another database, and with nothing of ours between the commands. Returns the last answer. Throws: redis.* of the first error. */
  async inDatabase(db: number, ...commands: readonly RedisCommand[]): Promise<unknown> {
    const answers = await this.batch([['SELECT', String(db)], ...commands]);
    const error = answers.flat().find((answer) => answer instanceof Error);
    if (error !== undefined) throw toRedisError(error, this.address);
    return answers.at(-1);
  }

  /** `INFO` as a map. */
  async info(section: string): Promise<ReadonlyMap<string, string>> {
    const text = toText(await this.call('INFO', section));
    const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  }

  /** Idempotent, never throws. */
  close(): void {
    this.redis.disconnect();
  }
}

export async function withClient<T>(
  at: { readonly login: Login; readonly node: RedisNode } & ClientOptions,
  use: (client: RedisClient) => Promise<T>,
): Promise<T> {
  const client = await RedisClient.open(at.login, at.node, at);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
