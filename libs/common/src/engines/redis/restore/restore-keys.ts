import { createReadStream } from 'node:fs';
import type { RestoreOrder, RestoreWork } from '#common/engines/engine.js';
import type { RedisClient } from '#common/engines/redis/client.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import { RdbReader } from '#common/engines/redis/rdb/rdb-reader.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { KeyWriter } from './key-writer.js';
import { emptyAndMark, markFilling, tidyRun, unmark } from './marker.js';
import type { RedisFence } from './redis-fence.js';
import type { RedisRestorePlan } from './restore-plan.js';
import { assertUnshared, claimSpares, type Exchange, emptySpares, exchangeDatabases } from './spare-databases.js';
import { type TargetServers, withTarget } from './target-servers.js';

type Order = RestoreOrder<RedisTarget, RedisFacts>;
type Work = RestoreWork<RedisRestorePlan, RedisFence>;

/** What may wait for the servers. A single value may be larger: a server takes it whole, or not at all. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const TIDY_MS = 20_000;

/**
 * In this order: every byte checked, the safety backup, databases that are empty marked and filled. `new` fills the destinations, and empties them
 * again when it fails. `replace` fills others beside them and exchanges both in one step. A cluster has no other databases: there `replace` empties
 * the destination first, and one that failed stays marked as half there, which its error says.
 * Throws: redis.*, restore.failed, backup.corrupt; the abort reason.
 */
export async function restoreKeys(order: Order, work: Work, signal: AbortSignal): Promise<void> {
  const { manifest, strategy, identity } = order;
  const { material, plan, fence } = work;
  const { servers } = fence;
  const files: string[] = [];
  for (const { object } of manifest.snapshot.nodes) files.push(await material.spool(object));
  await tidyRun(servers, identity.runId);
  const safetyBackupId = strategy === 'replace' ? await material.safety() : null;
  const isEmptiedFirst = strategy === 'replace' && servers.isCluster;
  try {
    const destinations = plan.databases.map(({ to }) => to);
    const exchanges =
      strategy === 'replace' && !servers.isCluster ? await claimSpares(servers, destinations, identity) : [];
    for (const to of isEmptiedFirst ? destinations : []) await emptyAndMark(servers, to, identity);
    for (const to of strategy === 'new' ? destinations : []) await markFilling(servers, to, identity);
    await fill(order, { ...work, files, exchanges }, signal);
  } catch (error) {
    if (isEmptiedFirst) throw toHalf(error, order, safetyBackupId);
    await undo(order);
    throw error;
  }
}

interface Filling extends Work {
  readonly files: readonly string[];
  readonly exchanges: readonly Exchange[];
}

async function fill(order: Order, work: Filling, signal: AbortSignal): Promise<void> {
  const { manifest, strategy, identity, target } = order;
  const { plan, fence, remember, onProgress, files, exchanges } = work;
  const { servers } = fence;
  const spareOf = (db: number): number => exchanges.find(({ to }) => to === db)?.spare ?? db;
  const writer = new KeyWriter(servers, {
    places: new Map(plan.databases.map(({ from, to }) => [from, spareOf(to)])),
    copy: target.copy,
    nowMs: await readClock(servers.first),
  });
  const totalBytes = manifest.snapshot.nodes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let bytes = 0;
  const onBytes = (more: number): void => {
    bytes += more;
    onProgress({ stage: 'restore', bytes, totalBytes });
  };
  for (const file of files) await writeFile(file, writer, onBytes, signal);
  assertWhole(manifest.snapshot, writer);
  const { functions } = writer;
  if (exchanges.length > 0) {
    await assertUnshared(servers, exchanges, writer.written);
    await exchangeDatabases(servers, exchanges, { identity, functions });
    await emptySpares(servers, exchanges);
  }
  const leftOut = exchanges.length > 0 ? [] : await loadFunctions(servers, functions, plan, strategy);
  const expiredKeys = writer.expired === 0 ? [] : [`${writer.expired} keys whose time was over`];
  await remember({ findings: { expiredKeys, functionsLeft: leftOut }, doneMark: identity.runId });
  for (const { to } of plan.databases) await unmark(servers, to);
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
async function undo({ target, identity }: Order): Promise<void> {
  const o = { signal: AbortSignal.timeout(TIDY_MS), name: 'holdfast-tidy' };
  await withTarget(target.connection, o, (servers) => tidyRun(servers, identity.runId)).catch(() => undefined);
}

function toHalf(error: unknown, { target, destination }: Order, safetyBackupId: string | null): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, context } = error;
  const message = `${error.message}; the cluster, which the restore empties first, may be half there`;
  const replacing = `--target ${target.name} --destination ${destination} --strategy replace`;
  const hint =
    safetyBackupId === null
      ? `Restore again with ${replacing}: no safety backup was wanted.`
      : `Restore again, or bring back what was there with \`holdfast restore run ${safetyBackupId} ${replacing}\`.`;
  return new AppError(code, message, { ...context, safetyBackupId }, { cause: error, hint });
}

/** Now, by the clock of the server: it decides what has expired. */
async function readClock(client: RedisClient): Promise<() => number> {
  const [seconds, micros] = (await client.call('TIME')) as readonly string[];
  const aheadMs = Number(seconds) * 1_000 + Number(micros) / 1_000 - Date.now();
  return () => Date.now() + aheadMs;
}
