import type { BackupView } from '#common/contracts/api-views.js';
import { type Manifest, totalBytes } from '#common/contracts/manifest.js';

export const totalRows = ({ snapshot }: Manifest): number => snapshot.tables.reduce((sum, { rows }) => sum + rows, 0);

/** A backup in a line, the same from catalog and repository. */
export function toBackupView(manifest: Manifest, repository: string): BackupView {
  return {
    id: manifest.backupId,
    dataset: manifest.dataset,
    method: manifest.method,
    purpose: manifest.purpose,
    repository,
    snapshotAt: manifest.snapshot.takenAt,
    completedAt: manifest.completedAt,
    sizeBytes: totalBytes(manifest),
    databaseSizeBytes: manifest.snapshot.sizeBytes,
    tables: manifest.snapshot.tables.length,
    rows: totalRows(manifest),
    busPosition: manifest.busPosition?.state ?? 'none',
  };
}
