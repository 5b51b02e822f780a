import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import type { ReadBusPosition } from '#common/engines/postgres/dump/dump-snapshot.js';
import type { PgDumpEngine } from '#common/engines/postgres/dump/pg-dump.engine.js';
import type { OutputObject, PgDumpOutput } from '#common/engines/postgres/dump/pg-dump-output.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey } from '#common/repository/backup-repository.js';
import { initialiseRepository } from '#common/repository/initialise-repository.js';
import { attemptPrefix, manifestKey, sweptKey } from '#common/repository/layout.js';
import { encodeManifest } from '#common/repository/manifest-codec.js';
import { holdWork } from './hold-work.js';
import { toRestoreByHand } from './restore-by-hand.js';

/** One try at one backup: whatever it writes lies below a prefix of its own. */
export interface BackupAttempt {
  readonly dataset: PostgresDataset;
  readonly backupId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly nonce: string;
  readonly purpose: Manifest['purpose'];
  readonly method: Manifest['method'];
}

export interface BackupProgress {
  readonly stage: 'connect' | 'snapshot' | OutputObject['stage'];
  /** Stored in this stage so far. */
  readonly bytes: number;
  /** Nobody knows how long a compressed dump gets. */
  readonly totalBytes: null;
}

export interface TakeBackupDeps {
  readonly engine: PgDumpEngine;
  readonly repository: BackupRepository;
  /** Where the dataset's topics stand; called between the locks and the snapshot. */
  readonly readBusPosition?: ReadBusPosition | undefined;
  readonly clock: () => Date;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  readonly holdfastVersion: string;
}

/** How long an attempt that failed may tidy up. What it leaves, the sweeper finds. */
const TIDY_MS = 30_000;

/**
 * Streams one backup, then makes it exist: objects → manifest (docs/design/ordering.md), behind a `repository.json` if it is the
 * first. A hold tells other users of the repository meanwhile. Needs neither catalog nor bus.
 * A crash leaves garbage to sweep, never a backup with a hole. Throws: postgres.*, engine.*, repository.*; the abort reason.
 */
export async function takeBackup(attempt: BackupAttempt, d: TakeBackupDeps, signal: AbortSignal): Promise<Manifest> {
  await initialiseRepository(d.repository, { signal, now: d.clock() });
  const work = {
    dataset: attempt.dataset.name,
    backupId: attempt.backupId,
    kind: 'backup' as const,
    runId: attempt.runId,
  };
  return holdWork(d.repository, work, { signal }, () => makeBackup(attempt, d, signal));
}

async function makeBackup(attempt: BackupAttempt, d: TakeBackupDeps, signal: AbortSignal): Promise<Manifest> {
  const { dataset, backupId } = attempt;
  const attemptKey = attemptPrefix(dataset.name, backupId, attempt.attempt, attempt.nonce);
  const startedAt = d.clock().toISOString();
  const touched: ObjectKey[] = [];
  const output = await openOutput(attempt, d, signal);
  let manifest: Manifest;
  try {
    const objects: ManifestObject[] = [];
    for await (const object of output.objects()) {
      const key = `${attemptKey}/${object.name}`;
      touched.push(key);
      objects.push(await store(object, key, d, signal));
    }
    const snapshot = await output.facts();
    const core = {
      formatVersion: 1 as const,
      ...{ dataset: dataset.name, kind: 'postgres' as const, method: attempt.method, purpose: attempt.purpose },
      ...{ backupId, runId: attempt.runId, attempt: attempt.attempt, attemptKey },
      ...{ startedAt, completedAt: d.clock().toISOString(), holdfastVersion: d.holdfastVersion },
      ...{ tools: { ...output.tools }, objects, snapshot, busPosition: output.busPosition },
    };
    manifest = { ...core, restoreByHand: toRestoreByHand(core, d.repository.location) };
  } catch (error) {
    await output.close();
    await removeAll(touched, d.repository);
    throw error;
  }
  await output.close();
  // From here on nothing is removed: a write whose answer got lost may have made the backup exist, and another attempt may
  // have adopted it already.
  await d.repository.put(manifestKey(attemptKey), encodeManifest(manifest), { signal, ifAbsent: true });
  // A sweep took us for dead and was first: the manifest makes no backup, so nobody may be told that it does.
  if ((await d.repository.stat(sweptKey(attemptKey), { signal })) !== undefined)
    throw new AppError('claim.lost', `attempt ${attemptKey} was swept as dead before its manifest came`);
  return manifest;
}

function openOutput(attempt: BackupAttempt, d: TakeBackupDeps, signal: AbortSignal): Promise<PgDumpOutput> {
  const { dataset, purpose, runId } = attempt;
  // A safety dump is of a database that somebody wants to replace: what the application would answer there is no condition.
  const unasked = { migrationHeadQuery: undefined, fingerprintTables: [], tenantTables: undefined };
  const asked = purpose === 'safety' ? { ...dataset, ...unasked } : dataset;
  return d.engine.open(asked, {
    signal,
    readBusPosition: d.readBusPosition,
    onStage: (stage) => d.onProgress?.({ stage, bytes: 0, totalBytes: null }),
    applicationName: `holdfast ${runId} a${attempt.attempt}`,
  });
}

async function store(
  { name, stage, compression, stream }: OutputObject,
  key: ObjectKey,
  d: TakeBackupDeps,
  signal: AbortSignal,
): Promise<ManifestObject> {
  d.onProgress?.({ stage, bytes: 0, totalBytes: null });
  const { sizeBytes, sha256 } = await d.repository.put(key, stream, {
    signal,
    onProgress: (bytes) => d.onProgress?.({ stage, bytes, totalBytes: null }),
  });
  return { name, key, sizeBytes, sha256, compression };
}

/** Best effort, under a signal of its own: the attempt's is aborted already, more often than not. */
async function removeAll(keys: readonly ObjectKey[], repository: BackupRepository): Promise<void> {
  const signal = AbortSignal.timeout(TIDY_MS);
  for (const key of keys) await repository.remove(key, { signal }).catch(() => undefined);
}
