import { Verification } from '#common/catalog/entities/verification.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Verdict } from '#common/domain/verdict.js';
import { AppError } from '#common/errors/app-error.js';

export type NewVerification = Pick<
  Verification,
  'runId' | 'dataset' | 'backupId' | 'target' | 'destination' | 'profile' | 'restoreRunId'
>;

const BEGIN = `
  INSERT INTO holdfast.verifications (run_id, dataset, backup_id, target, destination, profile, restore_run_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (run_id) DO UPDATE SET run_id = excluded.run_id
  RETURNING *`;

const COMPLETE = `
  UPDATE holdfast.verifications
  SET completed_at = clock_timestamp(), verdict = $2, result = $3
  WHERE run_id = $1
  RETURNING *`;

const LIST = `
  SELECT * FROM holdfast.verifications
  WHERE ($1::text IS NULL OR dataset = $1) AND ($2::uuid IS NULL OR backup_id = $2)
  ORDER BY started_at DESC
  LIMIT least(greatest($3, 1), 1000)`;

export const verificationStore = (sql: Sql) => ({
  /** What the first attempt decided holds for all later ones: they get it back. */
  begin: async (verification: NewVerification): Promise<Verification> => {
    const { runId, dataset, backupId, target, destination, profile, restoreRunId } = verification;
    const values = [runId, dataset, backupId, target, destination, profile, restoreRunId];
    const [row] = await sql.entities(Verification, BEGIN, values);
    return row ?? missing(runId);
  },

  /** Together with the settling of its run; what it proves of the backup is weighed apart. */
  complete: async (runId: RunId, verdict: Verdict, result: JsonObject): Promise<Verification> => {
    const [row] = await sql.entities(Verification, COMPLETE, [runId, verdict, toJsonb(result)]);
    if (row === undefined) return missing(runId);
    return row;
  },

  find: async (runId: RunId): Promise<Verification | undefined> => {
    const [row] = await sql.entities(Verification, 'SELECT * FROM holdfast.verifications WHERE run_id = $1', [runId]);
    return row;
  },

  /** Newest first. */
  list: (filter: { dataset?: string; backupId?: string; limit?: number } = {}): Promise<Verification[]> =>
    sql.entities(Verification, LIST, [filter.dataset ?? null, filter.backupId ?? null, filter.limit ?? 50]),
});

function missing(runId: RunId): never {
  throw new AppError('run.missing', `run ${runId} has not begun a verification`);
}
