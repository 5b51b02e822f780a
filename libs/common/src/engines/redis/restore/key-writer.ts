import type { RedisClient, RedisCommand } from '#common/engines/redis/client.js';
import { toKeyText } from '#common/engines/redis/facts.js';
import { Crc64 } from '#common/engines/redis/rdb/crc64.js';
import type { RdbHandler, RdbHeader, RdbKey } from '#common/engines/redis/rdb/rdb-reader.js';
import { parseValue } from '#common/engines/redis/rdb/value-content.js';
import { toReplyError } from '#common/engines/redis/redis-errors.js';
import { AppError } from '#common/errors/app-error.js';
import type { TargetServers } from './target-servers.js';
import { toCommands } from './value-commands.js';

export interface KeyWriterOptions {
  /** From a database of the file to the one that its keys are written to; keys of others are not the backup's. */
  readonly places: ReadonlyMap<number, number>;
  readonly copy: 'dump' | 'commands';
  /** By the clock of the target. Keys whose time is over are counted, and not written: a server would delete them at once. */
  readonly nowMs: () => number;
}

interface Waiting {
  readonly command: RedisCommand;
  /** Undefined: of our own making. */
  readonly key: Buffer | undefined;
}

/** Writes the keys of an RDB file to the servers that they belong to, as it is read. */
export class KeyWriter implements RdbHandler {
  written = 0;
  expired = 0;
  readonly functions: Buffer[] = [];
  /** What waits to be sent: the reader of the file pauses by it. */
  waitingBytes = 0;
  private version = 0;
  private readonly waiting = new Map<RedisClient, Waiting[]>();
  private readonly selected = new Map<RedisClient, number>();

  constructor(
    private readonly servers: TargetServers,
    private readonly o: KeyWriterOptions,
  ) {}

  onHeader({ version }: RdbHeader): void {
    this.version = version;
  }

  onFunctions(code: Buffer): void {
    this.functions.push(code);
  }

  onKey({ db, expiresAtMs }: RdbKey): boolean {
    if (!this.o.places.has(db)) return false;
    const isOver = expiresAtMs !== undefined && expiresAtMs <= this.o.nowMs();
    if (isOver) this.expired += 1;
    return !isOver;
  }

  onValue(entry: RdbKey, value: Buffer | undefined): void {
    if (value === undefined) return;
    const client = this.servers.clientOf(entry.key);
    const queue = this.queueOf(client);
    const db = this.o.places.get(entry.db) ?? entry.db;
    if (this.selected.get(client) !== db) queue.push({ command: ['SELECT', String(db)], key: undefined });
    this.selected.set(client, db);
    const commands = this.o.copy === 'dump' ? [this.toRestore(entry, value)] : this.toCopy(entry, value);
    for (const command of commands) queue.push({ command, key: entry.key });
    this.waitingBytes += entry.key.length + value.length;
    this.written += 1;
  }

  /** Sends what waits, to all servers at once. Throws: redis.*, restore.failed naming the key. */
  async flush(): Promise<void> {
    this.waitingBytes = 0;
    const batches = [...this.waiting].filter(([, queue]) => queue.length > 0);
    this.waiting.clear();
    await Promise.all(batches.map(([client, queue]) => send(client, queue)));
  }

  private queueOf(client: RedisClient): Waiting[] {
    const queue = this.waiting.get(client) ?? [];
    this.waiting.set(client, queue);
    return queue;
  }

  /** A dumped value is what the file has, between its type and the version that wrote it. Source: createDumpPayload of Redis. */
  private toRestore({ key, code, expiresAtMs, idleSeconds, frequency }: RdbKey, value: Buffer): RedisCommand {
    const payload = Buffer.concat([Buffer.from([code]), value, Buffer.from([this.version & 255, this.version >> 8])]);
    const checksum = new Crc64().update(payload).digest();
    const use =
      idleSeconds !== undefined
        ? ['IDLETIME', String(idleSeconds)]
        : frequency !== undefined
          ? ['FREQ', String(frequency)]
          : [];
    // The instant, not what is left until then: nothing lives longer for having been in a backup.
    return ['RESTORE', key, String(expiresAtMs ?? 0), Buffer.concat([payload, checksum]), 'ABSTTL', ...use];
  }

  private toCopy({ key, code, expiresAtMs }: RdbKey, value: Buffer): RedisCommand[] {
    const content = parseValue(code, value);
    if (content !== undefined) return toCommands(key, content, expiresAtMs);
    const message = `key ${JSON.stringify(toKeyText(key))} has an encoding of before Redis 7, which cannot be copied by commands`;
    throw new AppError(
      'redis.unsupported',
      message,
      {},
      { hint: 'Set `copy: dump` on the target: a newer server reads older values as they are.' },
    );
  }
}

async function send(client: RedisClient, queue: readonly Waiting[]): Promise<void> {
  const answers = await client.batch(queue.map(({ command }) => command));
  for (const [index, answer] of answers.entries()) {
    if (!(answer instanceof Error)) continue;
    const key = queue[index]?.key;
    const said = toReplyError(answer.message, client.address, answer);
    if (key === undefined || said.code !== 'redis.refused') throw said;
    const message = `key ${JSON.stringify(toKeyText(key))} cannot be written: ${said.message}`;
    throw new AppError('restore.failed', message, { server: client.address }, { cause: answer });
  }
}
