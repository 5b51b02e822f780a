import type { Catalog } from '#common/catalog/catalog.js';
import type { NamedCopy } from '#common/catalog/stores/proof.store.js';
import type { Damage } from '#common/domain/proof.js';
import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import { findVerdictRun, manifestKey, sweptKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findLost } from '#common/repository/read-backups.js';
import { readVerdicts } from '#common/repository/read-proofs.js';
import type { EventWriter } from '../event-writer.js';
import { keepStanding } from '../keep-standing.js';

export interface LookDeps {
  readonly catalog: Catalog;
  readonly repository: BackupRepository;
  readonly events: EventWriter;
}

export interface DamagedCopy {
  readonly backupId: string;
  readonly damage: readonly Damage[];
}

/**
 * Compares what the catalog names with one listing of the repository: every object has to be there at its size. Verdicts that were
 * reached without this catalog are entered as well. Reads no manifest, so that it costs little where thousands of backups are kept.
 * Returns what is lost. Throws: repository.*, catalog.unavailable.
 */
export async function lookAtCopies(dataset: string, d: LookDeps, signal: AbortSignal): Promise<DamagedCopy[]> {
  const { catalog, repository } = d;
  // Before the listing: what the catalog names by then must be in it.
  const known = await catalog.transaction(async ({ proofs }) => ({
    named: await proofs.named(dataset, repository.name),
    proofs: await proofs.ofDataset(dataset, repository.name),
  }));
  const unseen = new Map(known.named.map((copy) => [copy.backupId, copy]));
  const damaged: DamagedCopy[] = [];
  const look = async (copy: NamedCopy, objects: readonly StoredObject[]): Promise<void> => {
    unseen.delete(copy.backupId);
    const runs = new Set((known.proofs.get(copy.backupId) ?? []).map(({ runId }) => runId));
    const lost = await lookAtCopy(dataset, { copy, objects, runs }, d, signal);
    if (lost.length > 0) damaged.push({ backupId: copy.backupId, damage: lost });
  };
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const copy = unseen.get(backupId);
    if (copy !== undefined) await look(copy, objects);
  }
  for (const copy of [...unseen.values()]) await look(copy, []);
  return damaged;
}

interface Seen {
  readonly copy: NamedCopy;
  readonly objects: readonly StoredObject[];
  /** Whose verdicts the catalog has. */
  readonly runs: ReadonlySet<string>;
}

async function lookAtCopy(
  dataset: string,
  { copy, objects, runs }: Seen,
  { catalog, repository, events }: LookDeps,
  signal: AbortSignal,
): Promise<readonly Damage[]> {
  const { backupId, attemptKey } = copy;
  const listing = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  // A deletion that another catalog, or none, recorded is under way.
  if (listing.has(sweptKey(attemptKey))) return [];
  const manifest = { name: 'manifest.json', key: manifestKey(attemptKey), sizeBytes: undefined };
  const lost = await findLost(repository, { objects: [manifest, ...copy.objects], listing }, { signal });
  const unread = objects.filter(({ key }) => !runs.has(findVerdictRun(key) ?? ''));
  const verdicts = await readVerdicts(repository, { backupId, attemptKey, objects: unread }, { signal });
  if (lost.length === 0 && copy.damage === null && verdicts.length === 0) return lost;
  await catalog.transaction(async (tx) => {
    for (const judged of verdicts) await tx.proofs.record({ ...copy, ...judged });
    await keepStanding(tx, { ...copy, dataset, lost, foundBy: 'listing' }, events);
  });
  return lost;
}
