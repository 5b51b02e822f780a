import { setTimeout as sleep } from 'node:timers/promises';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** Which try at which run writes to a database: told to the server as application_name, so that a later try can find it. */
export interface RestoreIdentity {
  readonly runId: string;
  readonly attempt: number;
}

const prefixOf = ({ runId }: Pick<RestoreIdentity, 'runId'>): string => `holdfast ${runId} `;
export const toRestoreName = (identity: RestoreIdentity): string => `${prefixOf(identity)}a${identity.attempt}`;

/** Of the attempt that a session names; a dump's has more words after it. */
const ATTEMPT = `coalesce(substring(application_name FROM ' a([0-9]+)( |$)')::numeric, 0)`;

const POLL_MS = 200;
/** Backends that were told to end do so within this, unless the server itself hangs. */
const GONE_WITHIN_MS = 30_000;

/**
 * Every session of this attempt of a run and of those before it is told to end, and waited for: nothing that they have begun can be
 * committed any more. Throws: restore.busy when one does not end; the abort reason.
 */
export async function endAttempts(session: PgSession, identity: RestoreIdentity, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const { others } = await session.queryOne<{ others: number }>(
      `SELECT count(pg_terminate_backend(pid))::int AS others
       FROM pg_stat_activity
       WHERE starts_with(application_name, $1) AND ${ATTEMPT} <= $2`,
      [prefixOf(identity), identity.attempt],
    );
    if (others === 0) return;
    if (performance.now() > deadline) {
      throw new AppError('restore.busy', `${others} sessions of an earlier attempt do not end`, {
        runId: identity.runId,
      });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Whether a later attempt of the same run is there. */
export async function hasLaterAttempt(session: PgSession, identity: RestoreIdentity): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_stat_activity WHERE starts_with(application_name, $1) AND ${ATTEMPT} > $2 LIMIT 1`,
    [prefixOf(identity), identity.attempt],
  );
  return rows.length > 0;
}
