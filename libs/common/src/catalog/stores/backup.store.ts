import { randomBytes } from 'node:crypto';
import { Backup, BackupCopy } from '#common/catalog/entities/backup.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import { busPositionOf, type Manifest, totalBytes } from '#common/contracts/manifest.js';
import { type BackupId, type RunId, toUuidV7 } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';

export interface Reservation {
  readonly runId: RunId;
  readonly dataset: string;
  readonly method: Manifest['method'];
  readonly purpose: Manifest['purpose'];
}

export interface BackupFilter {
  readonly dataset?: string;
  readonly purpose?: Manifest['purpose'];
  readonly states?: readonly Backup['state'][];
  /** Last id of the page before. */
  readonly before?: BackupId;
  /** 1 to 1000. */
  readonly limit?: number;
}

/** A backup without its manifest, which may list thousands of tables. */
export type BackupSummary = Omit<Backup, 'manifest'>;

/** The newest good backup of one dataset by one method, for metrics and health: a damaged one is none. */
export interface NewestBackup {
  readonly dataset: string;
  readonly method: string;
  readonly completedAt: Date;
  readonly ageSeconds: number;
  readonly sizeBytes: number;
  /** Of any of its good backups by that method. */
  readonly lastVerifiedAt: Date | null;
}

const RESERVE = `
  INSERT INTO holdfast.backups (id, run_id, dataset, method, purpose)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (run_id, purpose) DO UPDATE SET run_id = excluded.run_id
  RETURNING id`;

/** Of `toRecord`: its values are $1 to $16. */
export const RECORD_COLUMNS = `id, run_id, dataset, method, purpose, attempt, attempt_key, size_bytes, source_size_bytes,
    started_at, snapshot_at, completed_at, kind, counts, bus_position, manifest`;
export const RECORD_VALUES = '$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16';

const RECORD = `
  INSERT INTO holdfast.backups AS backup (${RECORD_COLUMNS}, state)
  VALUES (${RECORD_VALUES}, 'completed')
  ON CONFLICT (id) DO UPDATE
  SET state = 'completed', attempt = excluded.attempt, attempt_key = excluded.attempt_key,
      size_bytes = excluded.size_bytes, source_size_bytes = excluded.source_size_bytes,
      started_at = excluded.started_at, snapshot_at = excluded.snapshot_at, completed_at = excluded.completed_at,
      kind = excluded.kind, counts = excluded.counts, bus_position = excluded.bus_position,
      manifest = excluded.manifest
  WHERE backup.state = 'reserved' OR backup.attempt_key = excluded.attempt_key AND backup.state = 'completed'
  RETURNING *`;

const RECORD_COPY = `
  INSERT INTO holdfast.backup_copies (backup_id, repository, manifest_key, size_bytes)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (backup_id, repository) DO NOTHING`;

const SUMMARY = `id, dataset, method, purpose, run_id, state, attempt, attempt_key, size_bytes, source_size_bytes,
  started_at, snapshot_at, completed_at, kind, counts, bus_position, reserved_at, verified_at, expired_at`;

const FILTER = `
  ($1::text IS NULL OR dataset = $1)
    AND ($2::text IS NULL OR purpose = $2)
    AND backup.state = ANY ($3)`;

const LIST = `
  SELECT ${SUMMARY}
  FROM holdfast.backups AS backup
  WHERE ${FILTER}
    AND ($4::uuid IS NULL OR id < $4)
  ORDER BY id DESC
  LIMIT least(greatest($5, 1), 1000)`;

const COUNT_COPIES = `
  SELECT count(*)::integer AS count
  FROM holdfast.backups AS backup
  JOIN holdfast.backup_copies AS copy ON copy.backup_id = backup.id
  WHERE ${FILTER}`;

const COPIES = 'SELECT * FROM holdfast.backup_copies WHERE backup_id = ANY ($1) ORDER BY backup_id DESC, recorded_at';

const NEWEST = `
  SELECT DISTINCT ON (dataset, method)
         dataset, method, completed_at AS "completedAt", size_bytes::float8 AS "sizeBytes",
         extract(epoch FROM clock_timestamp() - completed_at)::float8 AS "ageSeconds",
         max(verified_at) OVER (PARTITION BY dataset, method) AS "lastVerifiedAt"
  FROM holdfast.backups
  WHERE state = 'completed' AND purpose = 'regular'
    AND EXISTS (SELECT FROM holdfast.backup_copies WHERE backup_id = backups.id AND state = 'present')
  ORDER BY dataset, method, id DESC`;

export const backupStore = (sql: Sql) => ({
  find: async (id: BackupId): Promise<Backup | undefined> => {
    const [backup] = await sql.entities(Backup, 'SELECT * FROM holdfast.backups WHERE id = $1', [id]);
    return backup;
  },

  /** The run's backup id, before its first byte: every attempt of the run gets the same. By the database's clock. */
  reserve: async ({ runId, dataset, method, purpose }: Reservation): Promise<BackupId> => {
    const [now] = await sql.rows<{ at: Date }>('SELECT clock_timestamp() AS at');
    const id = toUuidV7(now?.at ?? new Date(), randomBytes(10));
    const [row] = await sql.rows<{ id: BackupId }>(RESERVE, [id, runId, dataset, method, purpose]);
    if (row === undefined) throw new AppError('internal.bug', `no backup id was reserved for run ${runId}`);
    return row.id;
  },

  /**
   * The backup exists and has a copy in this repository; idempotent, also for further copies.
   * Throws: internal.bug when the catalog already names another attempt, or has expired the backup.
   */
  record: async (manifest: Manifest, copy: { repository: string; manifestKey: string }): Promise<Backup> => {
    const [backup] = await sql.entities(Backup, RECORD, toRecord(manifest));
    if (backup === undefined) {
      throw new AppError('internal.bug', `backup ${manifest.backupId} is not recorded as ${manifest.attemptKey}`);
    }
    await sql.affected(RECORD_COPY, [backup.id, copy.repository, copy.manifestKey, totalBytes(manifest)]);
    return backup;
  },

  /** Newest first, completed ones unless asked otherwise; page on with `before`. */
  list: ({
    dataset,
    purpose,
    states = ['completed'],
    before,
    limit = 50,
  }: BackupFilter = {}): Promise<BackupSummary[]> =>
    sql.entities(Backup, LIST, [dataset ?? null, purpose ?? null, states, before ?? null, limit]),

  /** Of these backups, newest first. */
  copies: (...ids: readonly BackupId[]): Promise<BackupCopy[]> => sql.entities(BackupCopy, COPIES, [ids]),

  /** How many copies there are of what the filter fits, whatever its page. */
  countCopies: async ({ dataset, purpose, states = ['completed'] }: BackupFilter = {}): Promise<number> => {
    const [row] = await sql.rows<{ count: number }>(COUNT_COPIES, [dataset ?? null, purpose ?? null, states]);
    return row?.count ?? 0;
  },

  /** One row per dataset and method that has a good backup. */
  newest: (): Promise<NewestBackup[]> => sql.rows<NewestBackup>(NEWEST),
});

/** The values of a row, its manifest the last. */
export function toRecord(manifest: Manifest): readonly unknown[] {
  return [
    manifest.backupId,
    manifest.runId,
    manifest.dataset,
    manifest.method,
    manifest.purpose,
    manifest.attempt,
    manifest.attemptKey,
    totalBytes(manifest),
    manifest.sourceSizeBytes,
    manifest.startedAt,
    manifest.snapshotAt,
    manifest.completedAt,
    manifest.kind,
    toJsonb(manifest.counts),
    busPositionOf(manifest),
    toJsonb(manifest),
  ];
}
