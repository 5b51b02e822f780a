import { randomBytes, randomUUID } from 'node:crypto';
import type { Manifest } from '#common/contracts/manifest.js';
import { toUuidV7 } from '#common/domain/ids.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';

/** One for all rounds, as in the executor. */
const engine = postgresEngine();

/** What the executor calls for a run, without catalog and bus. */
export function takeHoldfastBackup(dataset: PostgresDataset, repository: BackupRepository): Promise<Manifest> {
  const attempt = {
    ...{ dataset, backupId: toUuidV7(new Date(), randomBytes(10)), runId: randomUUID(), attempt: 1 },
    ...{ nonce: randomBytes(4).toString('hex'), purpose: 'regular' as const, method: 'dump' as const },
  };
  const deps = { engine, repository, clock: () => new Date(), holdfastVersion: 'bench' };
  return takeBackup(attempt, deps, new AbortController().signal);
}
