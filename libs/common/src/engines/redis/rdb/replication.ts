import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type RedisConnection, type RedisNode, toAddress, toTlsOptions } from '#common/engines/redis/connection.js';
import { toRedisError, toReplyError } from '#common/engines/redis/redis-errors.js';
import { AppError } from '#common/errors/app-error.js';

const CONNECT_MS = 10_000;
/** A server that prepares a snapshot sends an empty line every ten seconds. */
const SILENCE_MS = 120_000;
const MARK_BYTES = 40;

export interface ReplicationOptions {
  readonly signal: AbortSignal;
  /** A server writes nothing that a replica of this version could not read. */
  readonly version: string;
}

/**
 * Asks a server for a snapshot as a replica would, and for nothing after it. It resolves when the server has fixed the snapshot and begins to
 * send. Throws: redis.*; the abort reason. Source: replication.c of Redis; "REPLCONF rdb-only", "capa eof".
 */
export async function openSnapshot(
  connection: RedisConnection,
  node: RedisNode,
  o: ReplicationOptions,
): Promise<Snapshot> {
  const snapshot = new Snapshot(await openSocket(connection, node, o.signal), toAddress(node), o.signal);
  try {
    const { username, password } = connection;
    if (password !== undefined) await snapshot.ask('AUTH', ...(username === undefined ? [] : [username]), password);
    // Older servers know some of these not, and need none of them.
    for (const [name, value] of [
      ['version', o.version],
      ['capa', 'eof'],
      ['rdb-only', '1'],
    ] as const) {
      await snapshot.ask('REPLCONF', name, value).catch((error: AppError) => {
        if (error.code !== 'redis.refused') throw error;
      });
    }
    await snapshot.begin();
    return snapshot;
  } catch (error) {
    snapshot.close();
    throw o.signal.aborted ? o.signal.reason : error;
  }
}

async function openSocket(connection: RedisConnection, node: RedisNode, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { tls } = connection;
  const socket = tls === undefined ? connect(node) : connectTls({ ...node, ...toTlsOptions(tls, node.host) });
  socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`no answer within ${CONNECT_MS / 1_000} s`)));
  try {
    await once(socket, tls === undefined ? 'connect' : 'secureConnect', { signal });
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : toRedisError(error, toAddress(node));
  }
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`silent for ${SILENCE_MS / 1_000} s`)));
  return socket;
}

/** A snapshot on its way. */
export class Snapshot {
  private rest: Buffer = Buffer.alloc(0);
  private readonly chunks: AsyncIterator<Buffer>;
  /** Bytes of the file that are to come; undefined: until the mark. */
  private left: number | undefined;
  private mark: Buffer | undefined;
  private readonly onAbort = () => this.socket.destroy();

  constructor(
    private readonly socket: Socket,
    private readonly address: string,
    private readonly signal: AbortSignal,
  ) {
    this.chunks = socket[Symbol.asyncIterator]();
    socket.on('error', () => undefined);
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Throws: redis.* for an answer that is an error. */
  async ask(...words: readonly string[]): Promise<void> {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.socket.write(`*${words.length}\r\n${parts.join('')}`);
    const answer = await this.readLine();
    if (answer.startsWith('-')) throw toReplyError(answer.slice(1), this.address);
  }

  /** Returns when the server begins to send. */
  async begin(): Promise<void> {
    this.socket.write('SYNC\r\n');
    let line = '';
    // Empty lines keep the connection alive while the snapshot is prepared.
    while (line === '') line = await this.readLine();
    if (line.startsWith('-')) throw toReplyError(line.slice(1), this.address);
    const [, size, mark] = /^\$(?:(\d+)|EOF:(.{40}))$/.exec(line) ?? [];
    if (size !== undefined) this.left = Number(size);
    else if (mark !== undefined) this.mark = Buffer.from(mark, 'latin1');
    else throw this.broken(`it answered ${JSON.stringify(line.slice(0, 80))}`);
  }

  /** The file, whole: it throws when the server ends before. Throws: redis.unreachable; the abort reason. */
  async *bytes(): AsyncGenerator<Buffer, void, void> {
    try {
      for (let chunk = this.rest; ; chunk = await this.next()) {
        const { bytes, isLast } = this.mark === undefined ? this.takeCounted(chunk) : this.takeMarked(chunk, this.mark);
        if (bytes.length > 0) yield bytes;
        if (isLast) return;
      }
    } finally {
      this.close();
    }
  }

  /** Idempotent. */
  close(): void {
    this.signal.removeEventListener('abort', this.onAbort);
    this.socket.destroy();
  }

  private takeCounted(chunk: Buffer): Taken {
    const left = this.left ?? 0;
    const bytes = chunk.length <= left ? chunk : chunk.subarray(0, left);
    this.left = left - bytes.length;
    return { bytes, isLast: this.left === 0 };
  }

  /** The last bytes that came are held back: they may be the mark. */
  private takeMarked(chunk: Buffer, mark: Buffer): Taken {
    const all = chunk === this.rest ? chunk : Buffer.concat([this.rest, chunk]);
    const at = Math.max(all.length - MARK_BYTES, 0);
    this.rest = all.subarray(at);
    return { bytes: all.subarray(0, at), isLast: this.rest.equals(mark) };
  }

  private async readLine(): Promise<string> {
    for (;;) {
      const end = this.rest.indexOf('\n');
      if (end >= 0) {
        const line = this.rest.subarray(0, end).toString('latin1').replace(/\r$/, '');
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      if (this.rest.length > 64 * 1024) throw this.broken('it sends what is no answer');
      this.rest = Buffer.concat([this.rest, await this.next()]);
    }
  }

  private async next(): Promise<Buffer> {
    const { value, done } = await this.chunks.next().catch((error) => {
      throw this.signal.aborted ? this.signal.reason : toRedisError(error, this.address);
    });
    this.signal.throwIfAborted();
    if (done) throw this.broken('it closed the connection; its log says why');
    return value;
  }

  private broken(reason: string): AppError {
    const message = `${this.address} sent no whole snapshot: ${reason}`;
    return new AppError('redis.unreachable', message, { server: this.address });
  }
}

interface Taken {
  readonly bytes: Buffer;
  readonly isLast: boolean;
}
