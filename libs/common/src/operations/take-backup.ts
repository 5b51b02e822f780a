import { Readable } from 'node:stream';
import { FACTS_NAME, type Manifest, type ManifestObject } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { ReadBusPosition } from '#common/engines/postgres/dump/dump-snapshot.js';
import type { PgDumpEngine } from '#common/engines/postgres/dump/pg-dump.engine.js';
import type { OutputObject, PgDumpOutput } from '#common/engines/postgres/dump/pg-dump-output.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey } from '#common/repository/backup-repository.js';
import { initialiseRepository } from '#common/repository/initialise-repository.js';
import { attemptPrefix, manifestKey, sweptKey } from '#common/repository/layout.js';
import { encodeManifest } from '#common/repository/manifest-codec.js';
import { Sealing } from '#common/sealing/sealing.js';
import { placeCanary } from './canary.js';
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
  readonly stage: 'connect' | 'snapshot' | OutputObject['stage'] | 'facts';
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
  /** What a restore may stumble over, as the facts say; an encrypted manifest does not. */
  readonly onWarnings?: ((warnings: readonly string[]) => void) | undefined;
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
  await placeCanary(d.repository, { signal });
  const work = {
    dataset: attempt.dataset.name,
    backupId: attempt.backupId,
    kind: 'backup' as const,
    runId: attempt.runId,
  };
  return holdWork(d.repository, work, { signal }, () => makeBackup(attempt, d, signal));
}

async function makeBackup(attempt: BackupAttempt, d: TakeBackupDeps, signal: AbortSignal): Promise<Manifest> {
  const { recipients } = d.repository.encryption;
  const sealing = new Sealing({ compression: attempt.dataset.compression, recipients });
  const writing = new AttemptWriting(attempt, { ...d, sealing }, signal);
  const startedAt = d.clock().toISOString();
  const sealingTools = await sealing.versions(signal);
  const output = await openOutput(attempt, { ...d, sealing }, signal);
  let manifest: Manifest;
  try {
    for await (const object of output.objects()) await writing.store(object);
    const snapshot = await output.facts();
    d.onWarnings?.(snapshot.warnings ?? []);
    if (recipients.length > 0) await writing.store(await toFactsObject(snapshot, sealing));
    const made = {
      ...{ attemptKey: writing.attemptKey, objects: writing.objects, snapshot, busPosition: output.busPosition },
      ...{ startedAt, tools: { ...output.tools, ...sealingTools } },
    };
    manifest = toManifest(attempt, made, d);
  } catch (error) {
    await output.close();
    await writing.removeAll();
    throw error;
  }
  await output.close();
  // From here on nothing is removed: a write whose answer got lost may have made the backup exist, and another attempt may
  // have adopted it already.
  const { attemptKey } = writing;
  await d.repository.put(manifestKey(attemptKey), encodeManifest(manifest), { signal, ifAbsent: true });
  // A sweep took us for dead and was first: the manifest makes no backup, so nobody may be told that it does.
  if ((await d.repository.stat(sweptKey(attemptKey), { signal })) !== undefined)
    throw new AppError('claim.lost', `attempt ${attemptKey} was swept as dead before its manifest came`);
  return manifest;
}

interface Made {
  readonly attemptKey: string;
  readonly objects: readonly ManifestObject[];
  readonly snapshot: SnapshotFacts;
  readonly busPosition: Manifest['busPosition'];
  readonly tools: Manifest['tools'];
  readonly startedAt: string;
}

function toManifest(
  attempt: BackupAttempt,
  made: Made,
  { repository, clock, holdfastVersion }: TakeBackupDeps,
): Manifest {
  const { snapshot, objects, ...rest } = made;
  const { backupId, runId, purpose, method } = attempt;
  const { recipients } = repository.encryption;
  return {
    ...{ formatVersion: 1, dataset: attempt.dataset.name, kind: 'postgres', method, purpose },
    ...{ backupId, runId, attempt: attempt.attempt, ...rest, objects: [...objects], recipients: [...recipients] },
    ...{ completedAt: clock().toISOString(), holdfastVersion },
    ...toSummary(snapshot),
    facts: recipients.length === 0 ? snapshot : null,
    restoreByHand: toRestoreByHand({ ...made, tools: made.tools }, repository.location),
  };
}

/** What lists and events say of a backup: it reveals nothing by itself, and stays outside of any seal. */
const toSummary = ({ takenAt, sizeBytes, tables }: SnapshotFacts) => ({
  snapshotAt: takenAt,
  sourceSizeBytes: sizeBytes,
  counts: { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) },
});

/** Names of tables, policies and roles tell what a database is about: an encrypted backup keeps them inside its seal. */
async function toFactsObject(snapshot: SnapshotFacts, sealing: Sealing): Promise<WritableObject> {
  const sealed = await sealing.bytes(Buffer.from(JSON.stringify(snapshot)));
  return { name: `${FACTS_NAME}${sealing.suffix}`, stage: 'facts', stream: Readable.from([sealed]) };
}

type WritableObject = Pick<OutputObject, 'name' | 'stream'> & { readonly stage: BackupProgress['stage'] };

/** The objects of one attempt, below a prefix of its own. */
class AttemptWriting {
  readonly attemptKey: string;
  readonly objects: ManifestObject[] = [];
  private readonly touched: ObjectKey[] = [];

  constructor(
    { dataset, backupId, attempt, nonce }: BackupAttempt,
    private readonly d: TakeBackupDeps & { readonly sealing: Sealing },
    private readonly signal: AbortSignal,
  ) {
    this.attemptKey = attemptPrefix(dataset.name, backupId, attempt, nonce);
  }

  async store({ name, stage, stream }: WritableObject): Promise<void> {
    const { repository, sealing, onProgress } = this.d;
    const key = `${this.attemptKey}/${name}`;
    this.touched.push(key);
    onProgress?.({ stage, bytes: 0, totalBytes: null });
    const { sizeBytes, sha256 } = await repository.put(key, stream, {
      signal: this.signal,
      onProgress: (bytes) => onProgress?.({ stage, bytes, totalBytes: null }),
    });
    this.objects.push({ name, key, sizeBytes, sha256, ...sealing.form });
  }

  /** Best effort, under a signal of its own: the attempt's is aborted already, more often than not. */
  async removeAll(): Promise<void> {
    const signal = AbortSignal.timeout(TIDY_MS);
    for (const key of this.touched) await this.d.repository.remove(key, { signal }).catch(() => undefined);
  }
}

function openOutput(
  attempt: BackupAttempt,
  d: TakeBackupDeps & { readonly sealing: Sealing },
  signal: AbortSignal,
): Promise<PgDumpOutput> {
  const { dataset, purpose, runId } = attempt;
  // A safety dump is of a database that somebody wants to replace: what the application would answer there is no condition.
  const unasked = { migrationHeadQuery: undefined, fingerprintTables: [], tenantTables: undefined };
  const asked = purpose === 'safety' ? { ...dataset, ...unasked } : dataset;
  return d.engine.open(asked, {
    signal,
    sealing: d.sealing,
    readBusPosition: d.readBusPosition,
    onStage: (stage) => d.onProgress?.({ stage, bytes: 0, totalBytes: null }),
    applicationName: `holdfast ${runId} a${attempt.attempt}`,
  });
}
