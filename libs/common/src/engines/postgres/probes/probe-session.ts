import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgPlace } from '#common/engines/postgres/probes/pg-probe.js';

/** A session of its own in the restored database, given back whatever happens. */
export function withSession<T>({ database, signal }: PgPlace, work: (session: PgSession) => Promise<T>): Promise<T> {
  return withPgSession(database, { signal, applicationName: 'holdfast probe' }, work);
}

/** A transaction that changes nothing: it is rolled back also when all went well. */
export async function inRollback<T>(session: PgSession, begin: string, work: () => Promise<T>): Promise<T> {
  await session.query(begin);
  try {
    return await work();
  } finally {
    // The session may be gone with the error that is on its way: that one tells more.
    await session.query('ROLLBACK').catch(() => undefined);
  }
}
