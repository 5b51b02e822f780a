import { Restore } from '#common/catalog/entities/restore.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError } from '#common/errors/app-error.js';

export type NewRestore = Pick<
  Restore,
  'runId' | 'dataset' | 'backupId' | 'target' | 'destination' | 'strategy' | 'profile' | 'safetyBackupId'
>;

const BEGIN = `
  INSERT INTO holdfast.restores (run_id, dataset, backup_id, target, destination, strategy, profile, safety_backup_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (run_id) DO UPDATE SET run_id = excluded.run_id
  RETURNING *`;

const COMPLETE = `
  UPDATE holdfast.restores SET completed_at = clock_timestamp(), result = $2 WHERE run_id = $1 RETURNING *`;

const LIST = `
  SELECT * FROM holdfast.restores
  WHERE ($1::text IS NULL OR dataset = $1)
  ORDER BY started_at DESC
  LIMIT least(greatest($2, 1), 1000)`;

export const restoreStore = (sql: Sql) => ({
  /** What the first attempt decided (which backup is the latest, where to) holds for all later ones: they get it back. */
  begin: async (restore: NewRestore): Promise<Restore> => {
    const { runId, dataset, backupId, target, destination, strategy, profile, safetyBackupId } = restore;
    const values = [runId, dataset, backupId, target, destination, strategy, profile, safetyBackupId];
    const [row] = await sql.entities(Restore, BEGIN, values);
    return row ?? missing(runId);
  },

  setSafetyBackup: async (runId: RunId, safetyBackupId: BackupId): Promise<void> => {
    await sql.affected('UPDATE holdfast.restores SET safety_backup_id = $2 WHERE run_id = $1', [runId, safetyBackupId]);
  },

  setFindings: async (runId: RunId, findings: JsonObject): Promise<void> => {
    await sql.affected('UPDATE holdfast.restores SET findings = $2 WHERE run_id = $1', [runId, toJsonb(findings)]);
  },

  /** Together with the settling of its run. */
  complete: async (runId: RunId, result: JsonObject): Promise<Restore> => {
    const [row] = await sql.entities(Restore, COMPLETE, [runId, toJsonb(result)]);
    return row ?? missing(runId);
  },

  find: async (runId: RunId): Promise<Restore | undefined> => {
    const [row] = await sql.entities(Restore, 'SELECT * FROM holdfast.restores WHERE run_id = $1', [runId]);
    return row;
  },

  /** Newest first. */
  list: ({ dataset, limit = 50 }: { dataset?: string; limit?: number } = {}): Promise<Restore[]> =>
    sql.entities(Restore, LIST, [dataset ?? null, limit]),
});

function missing(runId: RunId): never {
  throw new AppError('run.missing', `run ${runId} has not begun a restore`);
}
