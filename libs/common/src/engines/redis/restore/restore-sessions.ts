import type { AttemptIdentity, FenceOptions } from '#common/engines/engine.js';
import type { RedisClient } from '#common/engines/redis/client.js';
import { ALL_DATABASES } from '#common/engines/redis/destination.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { TargetServers } from './target-servers.js';

/** A connection of a restore, known by the name that it gave itself. */
interface RestoreSession extends AttemptIdentity {
  readonly id: string;
  readonly destination: string;
}

const PREFIX = 'holdfast-restore';

export const toSessionName = (destination: string, { runId, attempt }: AttemptIdentity): string =>
  `${PREFIX}:${destination}:${runId}:a${attempt}`;

/** Connections of restores to one server, ours left out. Throws: redis.permission. */
export async function listSessions(client: RedisClient): Promise<RestoreSession[]> {
  const own = toText(await client.call('CLIENT', 'ID'));
  const lines = toText(await client.call('CLIENT', 'LIST')).split('\n');
  return lines.flatMap((line) => {
    const [, id] = /\bid=(\d+)/.exec(line) ?? [];
    const [, destination, runId, attempt] = /\bname=holdfast-restore:([^: ]+):([^: ]+):a(\d+)(?: |$)/.exec(line) ?? [];
    if (id === undefined || id === own || destination === undefined || runId === undefined) return [];
    return [{ id, destination, runId, attempt: Number(attempt) }];
  });
}

/** Ends every connection that `isMeant`, on every server; returns the runs that had some. */
export async function endSessions(
  clients: readonly RedisClient[],
  isMeant: (session: RestoreSession) => boolean,
): Promise<readonly string[]> {
  const runs = new Set<string>();
  for (const client of clients) {
    for (const session of (await listSessions(client)).filter(isMeant)) {
      // One that is gone by itself is as good as ended.
      await client.call('CLIENT', 'KILL', 'ID', session.id).catch((error: AppError) => {
        if (error.code !== 'redis.refused') throw error;
      });
      runs.add(session.runId);
    }
  }
  return [...runs];
}

/**
 * Makes overlap impossible. Every connection of a restore bears its name before it looks for others: of two that come at once at least one
 * sees the other and stops. A name goes away with its connection, so no lock outlives its holder.
 * Throws: restore.busy; claim.lost; redis.*.
 */
export async function takeTurn(
  { first, clients }: TargetServers,
  destination: string,
  identity: AttemptIdentity,
  { isOver }: Pick<FenceOptions, 'isOver'>,
): Promise<void> {
  const { runId, attempt } = identity;
  const ofRun = (await listSessions(first)).filter((session) => session.runId === runId);
  if (ofRun.some((session) => session.attempt > attempt))
    throw new AppError('claim.lost', `a later attempt than ${attempt} restores for run ${runId}`, { runId, attempt });
  await endSessions(clients, (session) => session.runId === runId && session.attempt < attempt);
  const isInTheWay = (session: RestoreSession): boolean =>
    session.runId !== runId && overlaps(session.destination, destination);
  for (const other of (await listSessions(first)).filter(isInTheWay)) {
    if (!(await isOver?.(other.runId))) {
      throw new AppError('restore.busy', `run ${other.runId} restores to ${first.address} now`, { runId: other.runId });
    }
    await endSessions(clients, (session) => session.runId === other.runId);
  }
}

const overlaps = (a: string, b: string): boolean => a === b || a === ALL_DATABASES || b === ALL_DATABASES;

/** Whether a restore to the destination may write to the database. */
export const covers = (destination: string, db: number): boolean => overlaps(destination, String(db));
