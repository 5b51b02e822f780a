import type { RedisClient } from './client.js';

const AT_ONCE = '1000';

export interface ScanOptions {
  readonly db: number;
  readonly signal: AbortSignal;
  /** Of the server: `session:*`. Default: every key. */
  readonly pattern?: string | undefined;
}

/** The keys of one database, in parts; those that are there all the while come at least once. Throws: redis.*; the abort reason. */
export async function* scanKeys(client: RedisClient, o: ScanOptions): AsyncGenerator<readonly Buffer[], void, void> {
  const match = o.pattern === undefined ? [] : ['MATCH', o.pattern];
  let cursor = '0';
  do {
    o.signal.throwIfAborted();
    await client.call('SELECT', String(o.db));
    const [next, keys] = (await client.callBytes('SCAN', cursor, ...match, 'COUNT', AT_ONCE)) as [Buffer, Buffer[]];
    if (keys.length > 0) yield keys;
    cursor = next.toString();
  } while (cursor !== '0');
}
