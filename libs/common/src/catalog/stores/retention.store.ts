import { Backup } from '#common/catalog/entities/backup.entity.js';
import type { Sql } from '#common/catalog/sql.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { RunKind } from '#common/domain/run.js';
import { RECORD_COLUMNS, RECORD_VALUES, toRecord } from './backup.store.js';

/** A run that reads a backup, or has restored it lately. */
export interface BackupUse {
  readonly backupId: string;
  readonly runId: RunId;
  readonly kind: RunKind;
}

/** What the catalog knows of a backup that the repository cannot tell. */
export interface CatalogBackup {
  readonly id: BackupId;
  readonly state: Backup['state'];
  /** The one attempt that counts. */
  readonly attemptKey: string | null;
  /** The run that makes it has not ended: any of its attempts may be alive. */
  readonly isBeingMade: boolean;
  /** How the run that should have made it ended without it: what lies in the repository was never called a backup. */
  readonly givenUpAs: 'failed' | 'cancelled' | null;
}

const BACKUPS = `
  SELECT backup.id, backup.state, backup.attempt_key AS "attemptKey",
         coalesce(run.state IN ('queued', 'running'), false) AS "isBeingMade",
         CASE WHEN backup.state = 'reserved' AND backup.purpose = 'regular' AND run.state IN ('failed', 'cancelled')
              THEN run.state END AS "givenUpAs"
  FROM holdfast.backups AS backup
  LEFT JOIN holdfast.runs AS run ON run.id = backup.run_id
  WHERE backup.dataset = $1`;

const NEWEST_RUNS = `
  SELECT DISTINCT ON (request ->> 'method') request ->> 'method' AS method, state
  FROM holdfast.runs
  WHERE dataset = $1 AND kind = 'backup' AND state IN ('completed', 'failed')
  ORDER BY request ->> 'method', settled_at DESC, number DESC`;

// A request for the latest backup that has not begun names none yet: it will get the newest, which retention always keeps.
// What was restored within a day is still wanted: verifications and replays of it are asked for afterwards, and may be on their way.
const USES = `
  SELECT used.id AS "backupId", run.id AS "runId", run.kind
  FROM holdfast.runs AS run
  LEFT JOIN holdfast.restores AS restore ON restore.run_id = run.id
  LEFT JOIN holdfast.verifications AS verification ON verification.run_id = run.id
  LEFT JOIN holdfast.restores AS restored
    ON restored.run_id = CASE WHEN run.kind = 'replay' THEN (run.request ->> 'restoreRunId')::uuid END
  CROSS JOIN LATERAL (
    VALUES (run.request ->> 'backup'), (restore.backup_id::text), (restore.safety_backup_id::text),
           (verification.backup_id::text), (restored.backup_id::text)
  ) AS used (id)
  WHERE run.dataset = $1 AND run.state IN ('queued', 'running') AND used.id IS NOT NULL AND used.id NOT LIKE 'latest%'
  UNION ALL
  SELECT used.id::text, run.id, run.kind
  FROM holdfast.restores AS restore
  JOIN holdfast.runs AS run ON run.id = restore.run_id
  CROSS JOIN LATERAL (VALUES (restore.backup_id), (restore.safety_backup_id)) AS used (id)
  WHERE restore.dataset = $1 AND restore.completed_at > clock_timestamp() - interval '1 day' AND used.id IS NOT NULL`;

const EXPIRE = `
  UPDATE holdfast.backups
  SET state = 'expired', expired_at = clock_timestamp()
  WHERE id = $1 AND state = 'completed'
  RETURNING *`;

// Another backup may carry its run's name, where a catalog was lost and the request came again: then there is no place for it.
const RECORD_EXPIRED = `
  INSERT INTO holdfast.backups (${RECORD_COLUMNS}, state, expired_at)
  VALUES (${RECORD_VALUES}, 'expired', clock_timestamp())
  ON CONFLICT DO NOTHING`;

const EXPIRE_COPY = `
  UPDATE holdfast.backup_copies SET state = 'expired' WHERE backup_id = $1 AND repository = $2`;

export const retentionStore = (sql: Sql) => ({
  backups: (dataset: string): Promise<CatalogBackup[]> => sql.rows<CatalogBackup>(BACKUPS, [dataset]),

  /** Methods whose newest backup run that ended by itself ended in failure. */
  failing: async (dataset: string): Promise<string[]> => {
    const newest = await sql.rows<{ method: string; state: string }>(NEWEST_RUNS, [dataset]);
    return newest.filter(({ state }) => state === 'failed').map(({ method }) => method);
  },

  uses: (dataset: string): Promise<BackupUse[]> => sql.rows<BackupUse>(USES, [dataset]),

  /** From now on the catalog names the backup no more. Undefined when it did not before: not known, or expired already. */
  expire: async (id: BackupId, repository: string): Promise<Backup | undefined> => {
    await sql.affected(EXPIRE_COPY, [id, repository]);
    const [expired] = await sql.entities(Backup, EXPIRE, [id]);
    return expired;
  },

  /** Of a backup that the catalog has lost: a consumer that reads of its expiry must find it remembered. */
  recordExpired: async (manifest: Manifest): Promise<void> => {
    await sql.affected(RECORD_EXPIRED, toRecord(manifest));
  },
});
