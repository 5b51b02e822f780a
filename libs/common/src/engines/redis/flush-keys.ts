import type { FlushOptions } from '#common/engines/flush-options.js';
import type { RedisClient } from './client.js';
import { parseDestination } from './destination.js';
import type { RedisTarget } from './redis-dataset.js';
import { countKeys, listDatabases } from './restore/marker.js';
import { type TargetServers, withTarget } from './restore/target-servers.js';
import { scanKeys } from './scan-keys.js';

/**
 * Removes the keys of one database, or of all, whole or by a pattern (`session:*`). Memory is freed beside the server's work. Keys that
 * come while a pattern is looked for may stay. Returns how many went, or would go. Throws: redis.*; the abort reason.
 */
export function flushKeys({ connection }: RedisTarget, destination: string, o: FlushOptions): Promise<number> {
  return withTarget(connection, { signal: o.signal, name: 'holdfast-flush' }, async (servers) => {
    const db = parseDestination(destination)?.db;
    const databases = db === undefined ? await listDatabases(servers) : [db];
    let removed = 0;
    for (const each of databases) {
      removed += await (o.pattern === undefined ? flushWhole(servers, each, o) : flushMatching(servers, each, o));
      o.onProgress?.(removed);
    }
    return removed;
  });
}

async function flushWhole(servers: TargetServers, db: number, { isPreview }: FlushOptions): Promise<number> {
  const keys = await countKeys(servers, db);
  if (!isPreview) for (const client of servers.clients) await client.inDatabase(db, ['FLUSHDB', 'ASYNC']);
  return keys;
}

async function flushMatching({ clients }: TargetServers, db: number, o: FlushOptions): Promise<number> {
  let removed = 0;
  for (const client of clients) {
    for await (const keys of scanKeys(client, { db, ...o }))
      removed += o.isPreview ? keys.length : await unlink(client, keys);
  }
  return removed;
}

/** One by one, for keys of one command must share a slot. Returns how many were there. */
async function unlink(client: RedisClient, keys: readonly Buffer[]): Promise<number> {
  const answers = await client.batch(keys.map((key) => ['UNLINK', key]));
  const error = answers.find((answer) => answer instanceof Error);
  if (error instanceof Error) throw client.toError(error);
  return answers.reduce<number>((sum, answer) => sum + Number(answer), 0);
}
