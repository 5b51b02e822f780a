import type { Manifest } from '#common/contracts/manifest.js';
import type { PgTools, PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';

export interface RestoreToolsQuestion {
  readonly manifest: Manifest;
  readonly target: PostgresTarget;
  readonly serverMajor: number;
}

/**
 * An archive is read by its own version of pg_restore or a newer one, whatever the server's version.
 * Throws: postgres.tool-missing, postgres.tool-too-old.
 */
export async function findRestoreTools(
  { manifest, target, serverMajor }: RestoreToolsQuestion,
  tools: PgTools,
  signal: AbortSignal,
): Promise<PgToolset> {
  const dumpedBy = Number(/ (\d+)/.exec(manifest.tools['pg_dump'] ?? '')?.[1] ?? 0);
  const options = { directories: target.toolDirectories, signal };
  try {
    return await tools.find(Math.max(serverMajor, dumpedBy), ['pg_restore', 'psql'], options);
  } catch (error) {
    if (!(error instanceof AppError) || dumpedBy <= serverMajor) throw error;
    const message = `an archive of pg_dump ${dumpedBy} needs pg_restore of that version or newer: ${error.message}`;
    throw new AppError(error.code, message, error.context, { cause: error, hint: error.hint });
  }
}
