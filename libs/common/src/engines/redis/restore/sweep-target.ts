import type { StateOf, Swept } from '#common/engines/engine.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { toAppError } from '#common/errors/app-error.js';
import { listDatabases, type Marker, tidyDatabase } from './marker.js';
import { endSessions, listSessions } from './restore-sessions.js';
import { type TargetServers, withTarget } from './target-servers.js';

/** A run of which nothing is known may be another installation's: its database stays for so long. */
const UNKNOWN_AFTER_MS = 24 * 3_600_000;

/**
 * Ends connections of restores whose runs are over, and empties databases that such a run began to fill when they were empty, or filled beside
 * its destination. A cluster's that was to be replaced stays as it is: an application may write to it again.
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
        if (await tidyDatabase(servers, db, (marker) => isDead(marker, stateOf))) removed.push(what);
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

async function isDead({ runId, at }: Marker, stateOf: StateOf): Promise<boolean> {
  const state = await stateOf(runId);
  return state === 'over' || (state === 'unknown' && Date.now() - Date.parse(at) > UNKNOWN_AFTER_MS);
}
