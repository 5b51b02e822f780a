import type { Check } from '#common/engines/check.js';
import { readSource } from '#common/engines/postgres/base/base-source.js';
import { FIRST_WITH_INCREMENTS, SUMMARIZE_WAL } from '#common/engines/postgres/base/lineage.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** Does the server keep note of what changes, for how long? */
export const incrementalCheck = (
  name: string,
  connected: string,
  withSession: <T>(work: (session: PgSession) => Promise<T>) => Promise<T>,
): Check => ({
  name: `dataset ${name}: incremental backups`,
  needs: [connected],
  run: () =>
    withSession(async (session) => {
      const { serverVersionNum, serverVersion, summarizesWal } = await readSource(session);
      if (serverVersionNum < FIRST_WITH_INCREMENTS)
        throw new AppError('request.refused', `incremental backups need PostgreSQL 17 or newer, not ${serverVersion}`);
      if (!summarizesWal)
        throw new AppError(
          'postgres.no-parent',
          `${session.label} has summarize_wal = off`,
          {},
          { hint: SUMMARIZE_WAL },
        );
      const { kept } = await session.queryOne<{ kept: string }>(
        `SELECT current_setting('wal_summary_keep_time') AS kept`,
      );
      return `the server summarizes its WAL and keeps that for ${kept}: an increment builds on a backup that is not older`;
    }),
});
