import { createReadStream } from 'node:fs';
import type { RestoreOrder, RestoreWork } from '#common/engines/engine.js';
import type { RedisClient } from '#common/engines/redis/client.js';
import { parseDestination } from '#common/engines/redis/destination.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import { RdbReader } from '#common/engines/redis/rdb/rdb-reader.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { KeyWriter } from './key-writer.js';
import { beginDatabase, emptyDatabase, endDatabase } from './marker.js';
import type { RedisFence } from './redis-fence.js';
import type { RedisRestorePlan } from './restore-plan.js';
import { type TargetServers, withTarget } from './target-servers.js';

type Order = RestoreOrder<RedisTarget, RedisFacts>;
type Work = RestoreWork<RedisRestorePlan, RedisFence>;

/** What may wait for the servers. A single value may be larger: a server takes it whole, or not at all. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const TIDY_MS = 20_000;

/**
 * In this order: every byte checked, the safety backup, the databases emptied and marked, and only then the first key. A database that was
 * empty is empty again after a failure; one that was replaced stays marked as half there, until a restore fills it.
 * Throws: redis.*, restore.failed, backup.corrupt; the abort reason.
 */
export async function restoreKeys(order: Order, work: Work, signal: AbortSignal): Promise<void> {
  const { manifest, strategy, identity, target, destination } = order;
  const { material, plan, fence, remember, onProgress } = work;
  const { servers } = fence;
  const files: string[] = [];
  for (const { object } of manifest.snapshot.nodes) files.push(await material.spool(object));
  if (strategy === 'replace') await material.safety();
  const writer = new KeyWriter(servers, {
    from: new Set(manifest.snapshot.databases.map(({ db }) => db)),
    db: parseDestination(destination)?.db,
    copy: target.copy,
    nowMs: await readClock(servers.first),
  });
  const totalBytes = manifest.snapshot.nodes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  try {
    for (const { to, isOurs } of plan.databases)
      await beginDatabase(servers, to, { ...identity, strategy, flush: strategy === 'replace' || isOurs });
    let bytes = 0;
    const onBytes = (more: number): void => {
      bytes += more;
      onProgress({ stage: 'restore', bytes, totalBytes });
    };
    for (const file of files) await writeFile(file, writer, onBytes, signal);
    const leftOut = await loadFunctions(servers, writer.functions, plan, strategy);
    assertWhole(manifest.snapshot, writer);
    const expiredKeys = writer.expired === 0 ? [] : [`${writer.expired} keys whose time was over`];
    await remember({ findings: { expiredKeys, functionsLeft: leftOut }, doneMark: identity.runId });
    for (const { to } of plan.databases) await endDatabase(servers, to);
  } catch (error) {
    if (strategy === 'new') await undo(order, plan);
    throw error;
  }
}

async function writeFile(
  path: string,
  writer: KeyWriter,
  onBytes: (more: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = new RdbReader(writer, { what: 'the file of the backup' });
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    reader.push(chunk);
    onBytes(chunk.length);
    if (writer.waitingBytes > MAX_WAITING_BYTES) await writer.flush();
  }
  reader.end();
  await writer.flush();
  signal.throwIfAborted();
}

/** Functions are the whole server's: those that are there stay, unless what is there is replaced. Returns the names of those left out. */
async function loadFunctions(
  { clients }: TargetServers,
  libraries: readonly Buffer[],
  { functionsThere }: RedisRestorePlan,
  strategy: string,
): Promise<readonly string[]> {
  const there = new Set(functionsThere);
  const leftOut = new Set<string>();
  for (const code of libraries) {
    const name = /^#!.*\bname=(\S+)/.exec(code.toString().split('\n')[0] ?? '')?.[1] ?? '';
    const how = strategy === 'replace' ? ['REPLACE'] : [];
    if (strategy === 'new' && there.has(name)) leftOut.add(name);
    else for (const client of clients) await client.call('FUNCTION', 'LOAD', ...how, code);
    // Each master of a cluster backup brings it once more.
    if (strategy === 'new') there.add(name);
  }
  return [...leftOut].filter((name) => functionsThere.includes(name));
}

function assertWhole({ databases }: RedisFacts, { written, expired }: KeyWriter): void {
  const keys = databases.reduce((sum, each) => sum + each.keys, 0);
  if (written + expired === keys) return;
  const message = `${written} keys were written and ${expired} had expired, of ${keys} in the backup`;
  throw new AppError('restore.failed', message, { written, expired, keys });
}

/** By connections of its own: ours may be what broke. What it does not reach, a sweep or the next attempt finds by its marker. */
async function undo({ target, identity }: Order, { databases }: RedisRestorePlan): Promise<void> {
  const o = { signal: AbortSignal.timeout(TIDY_MS), name: 'holdfast-tidy' };
  const emptied = withTarget(target.connection, o, async (servers) => {
    for (const { to } of databases) await emptyDatabase(servers, to, identity.runId);
  });
  await emptied.catch(() => undefined);
}

/** Now, by the clock of the server: it decides what has expired. */
async function readClock(client: RedisClient): Promise<() => number> {
  const [seconds, micros] = (await client.call('TIME')) as readonly string[];
  const aheadMs = Number(seconds) * 1_000 + Number(micros) / 1_000 - Date.now();
  return () => Date.now() + aheadMs;
}
