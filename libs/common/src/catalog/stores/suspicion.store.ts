import { Suspicion } from '#common/catalog/entities/suspicion.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { BackupId } from '#common/domain/ids.js';

export interface SuspicionCount {
  readonly dataset: string;
  readonly count: number;
}

export interface LookedAt {
  readonly at: string;
  readonly by: string;
  readonly reason: string;
}

/** Only of backups that the catalog names. */
const RECORD = `
  INSERT INTO holdfast.suspicions (backup_id, reasons)
  SELECT id, $2 FROM holdfast.backups WHERE id = $1
  ON CONFLICT (backup_id) DO NOTHING`;

const ACCEPT = `
  UPDATE holdfast.suspicions SET accepted_at = $2, accepted_by = $3, accept_reason = $4
  WHERE backup_id = $1 AND accepted_at IS NULL`;

const COUNT = `
  SELECT backup.dataset, (count(*) FILTER (WHERE suspicion.backup_id IS NOT NULL))::integer AS count
  FROM holdfast.backups AS backup
  LEFT JOIN holdfast.suspicions AS suspicion ON suspicion.backup_id = backup.id AND suspicion.accepted_at IS NULL
  WHERE backup.state = 'completed'
  GROUP BY backup.dataset`;

export const suspicionStore = (sql: Sql) => ({
  /** Idempotent. */
  record: async (backupId: BackupId, reasons: readonly string[]): Promise<void> => {
    await sql.affected(RECORD, [backupId, toJsonb([...reasons])]);
  },

  /** False: it was accepted before, or the catalog does not know it. */
  accept: async (backupId: BackupId, { at, by, reason }: LookedAt): Promise<boolean> =>
    (await sql.affected(ACCEPT, [backupId, at, by, reason])) > 0,

  /** Those at which no operator has looked, by dataset; 0 as well. */
  countOpen: (): Promise<SuspicionCount[]> => sql.rows<SuspicionCount>(COUNT),

  of: (ids: readonly BackupId[]): Promise<Suspicion[]> =>
    sql.entities(Suspicion, 'SELECT * FROM holdfast.suspicions WHERE backup_id = ANY ($1)', [ids]),
});
