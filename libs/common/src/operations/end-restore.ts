import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import {
  endAttempts,
  endRun,
  listRuns,
  type RestoreIdentity,
} from '#common/engines/postgres/restore/restore-sessions.js';
import { type AppError, toAppError } from '#common/errors/app-error.js';

type Server = Pick<PostgresTarget, 'connection'>;

/**
 * Ends what an attempt at a restore, and those before it, have on the server, whoever began it and whether he still lives. Once this
 * resolves nothing of it can be committed any more: the lock is gone that every transaction of a restore asks for at its end.
 * Throws: postgres.*; restore.busy when a session does not end; the abort reason.
 */
export const endRestore = (server: Server, identity: RestoreIdentity, signal: AbortSignal): Promise<void> =>
  withPgSession(serverOf(server), { signal, applicationName: `holdfast tidy ${identity.runId}` }, (session) =>
    endAttempts(session, identity, signal),
  );

export interface EndedRuns {
  readonly ended: readonly string[];
  /** Those whose sessions would not end. */
  readonly failed: readonly { readonly runId: string; readonly error: AppError }[];
}

/** Ends the sessions that runs have left on a server although they are over. Throws: postgres.*; what `isOver` throws; the abort reason. */
export function endRunsThatAreOver(
  server: Server,
  isOver: (runId: string) => Promise<boolean>,
  signal: AbortSignal,
): Promise<EndedRuns> {
  return withPgSession(serverOf(server), { signal, applicationName: 'holdfast sweep' }, async (session) => {
    const ended: string[] = [];
    const failed: { runId: string; error: AppError }[] = [];
    for (const runId of await listRuns(session)) {
      if (!(await isOver(runId))) continue;
      try {
        await endRun(session, runId, signal);
        ended.push(runId);
      } catch (error) {
        signal.throwIfAborted();
        failed.push({ runId, error: toAppError(error) });
      }
    }
    return { ended, failed };
  });
}
