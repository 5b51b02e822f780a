import { DUMP_TOOLS } from '#common/engines/postgres/dump/dump-commands.js';
import { findUnreadable } from '#common/engines/postgres/facts/access.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';

/** Why a dump of the database would refuse to begin: tools that this machine lacks, and all that the role may not read or does not see. */
export async function findSafetyProblems(
  session: PgSession,
  { toolDirectories: directories }: PostgresTarget,
  { tools, signal }: { readonly tools: PgTools; readonly signal: AbortSignal },
): Promise<AppError[]> {
  const missing = await tools.find(session.serverMajor, DUMP_TOOLS, { directories, signal }).then(
    () => [],
    (error: unknown) => {
      if (error instanceof AppError) return [error];
      throw error;
    },
  );
  return [...missing, ...(await findUnreadable(session))];
}
