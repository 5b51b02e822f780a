import type { RedisClient, RedisCommand } from '#common/engines/redis/client.js';
import type { DatabaseFacts } from '#common/engines/redis/facts.js';
import { hashKey } from '#common/engines/redis/rdb/key-hash.js';
import { KeySum, TYPE_SEEDS } from '#common/engines/redis/rdb/rdb-counter.js';
import type { ValueType } from '#common/engines/redis/rdb/shapes.js';
import type { TargetServers } from '#common/engines/redis/restore/target-servers.js';
import { scanKeys } from '#common/engines/redis/scan-keys.js';
import { toText } from '#common/errors/printable.js';

export type CountedKeys = Pick<DatabaseFacts, 'keys' | 'expiring' | 'types' | 'digest'>;

/** Counts a database of a running server as a file is counted. Keys that come and go meanwhile may be counted or not. Throws: redis.*. */
export async function countLiveKeys({ clients }: TargetServers, db: number, signal: AbortSignal): Promise<CountedKeys> {
  const count = new LiveCount();
  const seen = new Set<string>();
  for (const client of clients) {
    for await (const keys of scanKeys(client, { db, signal })) {
      // A scan may bring a key twice.
      const fresh = keys.filter((key) => !seen.has(key.toString('latin1')));
      for (const key of fresh) seen.add(key.toString('latin1'));
      for (const key of await askAbout(client, fresh)) count.add(key);
    }
  }
  return count.result;
}

interface LiveKey {
  readonly key: Buffer;
  readonly type: string;
  readonly expires: boolean;
}

class LiveCount {
  private readonly types: Record<string, { keys: number; expiring: number }> = {};
  private readonly sum = new KeySum();
  private readonly hash = { low: 0, high: 0 };

  add({ key, type, expires }: LiveKey): void {
    const ofType = this.types[type] ?? { keys: 0, expiring: 0 };
    this.types[type] = { keys: ofType.keys + 1, expiring: ofType.expiring + (expires ? 1 : 0) };
    if (expires) return;
    hashKey(key, TYPE_SEEDS[type as ValueType] ?? 0, this.hash);
    this.sum.add(this.hash);
  }

  get result(): CountedKeys {
    const all = Object.values(this.types);
    return {
      keys: all.reduce((total, { keys }) => total + keys, 0),
      expiring: all.reduce((total, { expiring }) => total + expiring, 0),
      ...{ types: this.types, digest: this.sum.toString() },
    };
  }
}

async function askAbout(client: RedisClient, keys: readonly Buffer[]): Promise<LiveKey[]> {
  const answers = await client.batch(
    keys.flatMap((key): RedisCommand[] => [
      ['TYPE', key],
      ['PTTL', key],
    ]),
  );
  return keys.flatMap((key, index) => {
    const [type, ttl] = [toText(answers[2 * index]), Number(answers[2 * index + 1])];
    // -2: it has ended since the scan saw it.
    return type === 'none' || ttl === -2 ? [] : [{ key, type, expires: ttl !== -1 }];
  });
}
