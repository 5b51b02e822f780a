import type { BackupSummary } from '#common/catalog/stores/backup.store.js';
import type { BackupView, ToldBackupView } from '#common/contracts/api-views.js';
import { busPositionOf, type Manifest, totalBytes } from '#common/contracts/manifest.js';

/** A backup in a line, the same from catalog and repository. */
export function toBackupView(manifest: Manifest, repository: string): BackupView {
  return {
    id: manifest.backupId,
    dataset: manifest.dataset,
    kind: manifest.kind,
    method: manifest.method,
    purpose: manifest.purpose,
    repository,
    snapshotAt: manifest.snapshotAt,
    completedAt: manifest.completedAt,
    sizeBytes: totalBytes(manifest),
    sourceSizeBytes: manifest.sourceSizeBytes,
    counts: manifest.counts,
    busPosition: busPositionOf(manifest),
  };
}

/** The same from the catalog's own columns; null: a mere reservation. */
export const toSummaryView = (summary: BackupSummary, repository: string): ToldBackupView => ({
  ...{
    id: summary.id,
    dataset: summary.dataset,
    kind: summary.kind,
    method: summary.method,
    purpose: summary.purpose,
    repository,
  },
  snapshotAt: summary.snapshotAt?.toISOString() ?? null,
  completedAt: summary.completedAt?.toISOString() ?? null,
  ...{ sizeBytes: summary.sizeBytes, sourceSizeBytes: summary.sourceSizeBytes },
  ...{ counts: summary.counts, busPosition: summary.busPosition },
});
