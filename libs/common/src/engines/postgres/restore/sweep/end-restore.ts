import type { AttemptIdentity } from '#common/engines/engine.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { endAttempts } from '../sessions.js';

/**
 * Ends what an attempt at a restore, and those before it, have on the server, whichever executor began it, alive or dead. Once this
 * resolves nothing of it can be committed any more: the lock is gone that every transaction of a restore asks for at its end.
 * Throws: postgres.*; restore.busy when a session does not end; the abort reason.
 */
export const endRestore = (
  server: Pick<PostgresTarget, 'connection'>,
  identity: AttemptIdentity,
  signal: AbortSignal,
): Promise<void> =>
  withPgSession(serverOf(server), { signal, applicationName: `holdfast tidy ${identity.runId}` }, (session) =>
    endAttempts(session, identity, signal),
  );
