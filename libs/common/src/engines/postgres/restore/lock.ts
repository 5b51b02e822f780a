import type { AttemptIdentity } from '#common/engines/engine.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { toBusyError } from './preview/refusals.js';
import { endAttempts, endRun, hasLaterAttempt, LOCK_KEY, listRuns, toRestoreName } from './sessions.js';

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Whether a run has come to its end, whatever sessions it has left: those are ended. Default: unknown. */
  readonly isOver?: ((runId: string) => Promise<boolean>) | undefined;
}

/**
 * Makes overlap impossible: ends every session of earlier attempts of the same run, and of other runs that are over and in the way, then
 * holds a session lock for the database until `close`. The lock lives in the same database for every restore to the server (`serverOf`), over a direct
 * connection: a pooler would hand it to another client.
 * Throws: restore.busy while another run restores the same database; claim.lost when a later attempt of this run is there.
 */
export async function lockDatabase(
  target: Pick<PostgresTarget, 'connection'>,
  database: string,
  identity: AttemptIdentity,
  { signal, isOver }: LockOptions,
): Promise<PgSession> {
  const session = await PgSession.open(serverOf(target), { signal, applicationName: toRestoreName(identity) });
  try {
    await endEarlierAttempts(session, identity, signal);
    for (const runId of await listRuns(session, database))
      if (runId !== identity.runId && (await isOver?.(runId))) await endRun(session, runId, signal);
    const { locked } = await session.queryOne<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCK_KEY}) AS locked`,
      [database],
    );
    if (!locked) throw toBusyError(database);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Another one may be frozen, or its process may have outlived its claim: of two attempts the later one has the run. */
async function endEarlierAttempts(session: PgSession, identity: AttemptIdentity, signal: AbortSignal): Promise<void> {
  const { runId, attempt } = identity;
  if (await hasLaterAttempt(session, identity)) {
    throw new AppError('claim.lost', `a later attempt than ${attempt} restores for run ${runId}`, { runId, attempt });
  }
  await endAttempts(session, { runId, attempt: attempt - 1 }, signal);
}
