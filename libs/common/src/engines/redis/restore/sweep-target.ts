import type { StateOf, Swept } from '#common/engines/engine.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { toAppError } from '#common/errors/app-error.js';
import { emptyDatabase, findMarker } from './marker.js';
import { endSessions, listSessions } from './restore-sessions.js';
import { type TargetServers, withTarget } from './target-servers.js';

/** A run of which nothing is known may be another installation's: its database stays for so long. */
const UNKNOWN_AFTER_MS = 24 * 3_600_000;

/**
 * Ends connections of restores whose runs are over, and empties databases that such a run began to fill when they were empty. A database that
 * was to be replaced stays as it is: an application may write to it again.
 * Throws: redis.*; what `stateOf` throws; the abort reason.
 */
export function sweepTarget({ connection }: RedisTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
  return withTarget(connection, { signal, name: 'holdfast-sweep' }, async (servers) => {
    const ended = await endDeadSessions(servers, stateOf);
    const removed: string[] = [];
    const failed: Swept['failed'][number][] = [];
    for (const db of await listDatabases(servers)) {
      const what = `database ${db} of ${servers.first.address}`;
      try {
        if (await emptyIfDead(servers, db, stateOf)) removed.push(what);
      } catch (error) {
        signal.throwIfAborted();
        failed.push({ what: `${what}, which a dead restore left`, error: toAppError(error) });
      }
    }
    return { ended, removed, failed };
  });
}

async function endDeadSessions({ clients }: TargetServers, stateOf: StateOf): Promise<readonly string[]> {
  const runs = new Set<string>();
  for (const client of clients) for (const { runId } of await listSessions(client)) runs.add(runId);
  const dead = new Set<string>();
  for (const runId of runs) if ((await stateOf(runId)) === 'over') dead.add(runId);
  return dead.size === 0 ? [] : endSessions(clients, ({ runId }) => dead.has(runId));
}

async function emptyIfDead(servers: TargetServers, db: number, stateOf: StateOf): Promise<boolean> {
  const marker = await findMarker(servers, db);
  if (marker === undefined || marker.strategy !== 'new') return false;
  const state = await stateOf(marker.runId);
  const isForgotten = state === 'unknown' && Date.now() - Date.parse(marker.at) > UNKNOWN_AFTER_MS;
  return (state === 'over' || isForgotten) && (await emptyDatabase(servers, db, marker.runId));
}

/** Those that hold anything. */
export async function listDatabases({ clients }: TargetServers): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const client of clients) {
    for (const name of (await client.info('keyspace')).keys()) {
      const [, db] = /^db(\d+)$/.exec(name) ?? [];
      if (db !== undefined) found.add(Number(db));
    }
  }
  return [...found].sort((a, b) => a - b);
}
