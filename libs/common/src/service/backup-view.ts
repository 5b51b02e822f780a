import type { BackupSummary } from '#common/catalog/stores/backup.store.js';
import type { BackupView, ToldBackupView } from '#common/contracts/api-views.js';
import { busPositionOf, type Manifest, totalBytes, totalRows } from '#common/contracts/manifest.js';

/** A backup in a line, the same from catalog and repository. */
export function toBackupView(manifest: Manifest, repository: string): BackupView {
  return {
    id: manifest.backupId,
    dataset: manifest.dataset,
    method: manifest.method,
    purpose: manifest.purpose,
    repository,
    snapshotAt: manifest.snapshotAt,
    completedAt: manifest.completedAt,
    sizeBytes: totalBytes(manifest),
    databaseSizeBytes: manifest.sourceSizeBytes,
    tables: manifest.counts['tables'] ?? 0,
    rows: totalRows(manifest),
    busPosition: busPositionOf(manifest),
  };
}

/** The same from the catalog's own columns; null: a mere reservation. */
export const toSummaryView = (summary: BackupSummary, repository: string): ToldBackupView => ({
  ...{ id: summary.id, dataset: summary.dataset, method: summary.method, purpose: summary.purpose, repository },
  snapshotAt: summary.snapshotAt?.toISOString() ?? null,
  completedAt: summary.completedAt?.toISOString() ?? null,
  ...{ sizeBytes: summary.sizeBytes, databaseSizeBytes: summary.databaseSizeBytes },
  ...{ tables: summary.tableCount, rows: summary.rowCount, busPosition: summary.busPosition },
});
