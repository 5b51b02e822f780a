import { Readable } from 'node:stream';
import { FACTS_NAME, type Manifest, type ManifestObject } from '#common/contracts/manifest.js';
import type {
  BackupMethod,
  BackupSession,
  Engine,
  OutputObject,
  ProtectedDataset,
  ReadBusPosition,
  RestoreTarget,
} from '#common/engines/engine.js';
import { loadMethod } from '#common/engines/engines.js';
import { AppError } from '#common/errors/app-error.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import type { BackupRepository, ObjectKey } from '#common/repository/backup-repository.js';
import { initialiseRepository } from '#common/repository/initialise-repository.js';
import { attemptPrefix, manifestKey, SHARING_NAME, sweptKey } from '#common/repository/layout.js';
import { toRetainUntil } from '#common/repository/lock-period.js';
import { encodeManifest } from '#common/repository/manifest-codec.js';
import { type SealedForm, Sealing, suffixOf } from '#common/sealing/sealing.js';
import { placeCanary } from './canary.js';
import { type SharedParts, Sharing } from './content/sharing.js';
import { findEarlier } from './find-earlier.js';
import { compareWithEarlier } from './find-suspicion.js';
import { holdNeeded } from './hold-needed.js';
import { holdWork } from './hold-work.js';
import { toContentByHand, toFetchNeeded, toRestoreByHand } from './restore/by-hand.js';

/** One try at one backup: whatever it writes lies below a prefix of its own. */
export interface BackupAttempt<D extends ProtectedDataset = ProtectedDataset> {
  readonly dataset: D;
  readonly backupId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly nonce: string;
  readonly purpose: Manifest['purpose'];
  readonly method: Manifest['method'];
}

export interface BackupProgress {
  /** `connect`, `snapshot`, what the engine calls its objects, `facts`. */
  readonly stage: string;
  /** Stored in this stage so far. */
  readonly bytes: number;
  /** How long a compressed dump gets is unknown. */
  readonly totalBytes: null;
}

export interface TakeBackupDeps<D extends ProtectedDataset = ProtectedDataset, F extends object = object> {
  readonly engine: Pick<Engine<D, RestoreTarget, F>, 'kind' | 'methods' | 'facts' | 'summarise'>;
  readonly repository: BackupRepository;
  /** Where the dataset's topics stand; called between the locks and the snapshot. */
  readonly readBusPosition?: ReadBusPosition | undefined;
  readonly clock: () => Date;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** What a restore may stumble over, as the facts say; an encrypted manifest does not. */
  readonly onWarnings?: ((warnings: readonly string[]) => void) | undefined;
  readonly holdfastVersion: string;
  /** For what content that is shared leaves there while it is on its way; default: the machine's own folder for such. */
  readonly workDirectory?: string | undefined;
}

/** How long an attempt that failed may tidy up. What it leaves, the sweeper finds. */
const TIDY_MS = 30_000;

/**
 * Streams one backup, then makes it exist: objects → manifest (docs/design/ordering.md), behind a `repository.json` if it is the
 * first. A hold tells other users of the repository meanwhile. Needs neither catalog nor bus.
 * A crash leaves garbage to sweep, never a backup with a hole. Throws: postgres.*, engine.*, repository.*; backup.missing, backup.damaged,
 * backup.expiring for one that it builds on; the abort reason.
 */
export async function takeBackup<D extends ProtectedDataset, F extends object>(
  attempt: BackupAttempt<D>,
  d: TakeBackupDeps<D, F>,
  signal: AbortSignal,
): Promise<Manifest> {
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

async function makeBackup<D extends ProtectedDataset, F extends object>(
  attempt: BackupAttempt<D>,
  d: TakeBackupDeps<D, F>,
  signal: AbortSignal,
): Promise<Manifest> {
  const method = loadMethod(d.engine, attempt.method);
  const { recipients } = d.repository.encryption;
  const sealing = new Sealing({ compression: attempt.dataset.compression, recipients });
  const retainUntil = toRetainUntil(
    d.repository,
    { dataset: attempt.dataset.name, purpose: attempt.purpose },
    d.clock(),
  );
  const writing = new AttemptWriting(attempt, { ...d, sealing, retainUntil }, signal);
  const sharing = toSharing(attempt, { ...d, writing, retainUntil }, signal);
  try {
    return await writeBackup(attempt, { ...d, method, sealing, writing, sharing, retainUntil }, signal);
  } finally {
    await sharing.close();
  }
}

/** The others would go on for as long as they take, for nothing. */
async function storeOrStop(
  object: OutputObject,
  writing: AttemptWriting,
  output: Pick<BackupSession<object>, 'close'>,
): Promise<void> {
  try {
    await writing.store(object);
  } catch (error) {
    await output.close();
    throw error;
  }
}

type MakingDeps<D extends ProtectedDataset, F extends object> = TakeBackupDeps<D, F> & {
  readonly method: BackupMethod<D, F>;
  readonly sealing: Sealing;
  readonly writing: AttemptWriting;
  readonly sharing: Sharing;
  readonly retainUntil: Date | undefined;
};

async function writeBackup<D extends ProtectedDataset, F extends object>(
  attempt: BackupAttempt<D>,
  d: MakingDeps<D, F>,
  signal: AbortSignal,
): Promise<Manifest> {
  const { method, sealing, writing, sharing, retainUntil } = d;
  const { recipients } = d.repository.encryption;
  const [startedAt, sealingTools] = [d.clock().toISOString(), await sealing.versions(signal)];
  const suspect = await compareWithEarlier(attempt, d, signal);
  const opening = method.open(attempt.dataset, {
    ...{ signal, sealing, purpose: attempt.purpose, readBusPosition: d.readBusPosition },
    onStage: (stage) => d.onProgress?.({ stage, bytes: 0, totalBytes: null }),
    shared: () => sharing.begin(),
    findEarlier: (wanted) => {
      const { dataset, backupId } = attempt;
      const { engine, repository } = d;
      return findEarlier({ dataset: dataset.name, backupId, engine }, wanted, { repository, signal });
    },
    applicationName: `holdfast ${attempt.runId} a${attempt.attempt}`,
  });
  const session = await opening.catch(async (error) => {
    await writing.removeAll();
    throw error;
  });
  const output = await holdNeeded(session, { ...attempt, repository: d.repository }, signal);
  let manifest: Manifest;
  try {
    await inFlight(output.objects(), output.parallel, (object) => storeOrStop(object, writing, output));
    const shared = await sharing.finish();
    const needed = writing.objects.filter(({ name }) => name !== SHARING_NAME);
    const facts = await output.facts();
    if (recipients.length > 0) await writing.store(await toFactsObject(facts, sealing));
    const tools = { ...output.tools, ...sealingTools };
    const chain = { needs: [...output.needs], requires: [...(await output.requires())] };
    const { attemptKey, objects } = writing;
    const { location } = d.repository;
    const ofContent =
      shared.references === undefined ? [] : toContentByHand(attempt.dataset.name, location, recipients.length > 0);
    const ofNeeded = output.needed.flatMap((each) => toFetchNeeded(each, location));
    const ofEngine = [...ofNeeded, ...ofContent, ...method.byHand({ facts, tools, ...chain })];
    const byHand = toRestoreByHand(needed, location, ofEngine);
    const made = { attemptKey, objects, facts, tools, startedAt, busPosition: output.busPosition, ...chain, ...shared };
    const { varying, ...unweighed } = toManifest(attempt, { ...made, restoreByHand: byHand }, d);
    manifest = { ...unweighed, suspicious: suspect(unweighed, varying) };
  } catch (error) {
    await output.close();
    await writing.removeAll();
    throw error;
  }
  await output.close();
  // From here on nothing is removed: a write whose answer got lost may have made the backup exist, and another attempt may
  // have adopted it already.
  const { attemptKey } = writing;
  await d.repository.put(manifestKey(attemptKey), encodeManifest(manifest), { signal, retainUntil, ifAbsent: true });
  // A sweep took us for dead and was first: the manifest makes no backup, so no event may say that it does.
  if ((await d.repository.stat(sweptKey(attemptKey), { signal })) !== undefined)
    throw new AppError('claim.lost', `attempt ${attemptKey} was swept as dead before its manifest came`);
  return manifest;
}

function toSharing<D extends ProtectedDataset, F extends object>(
  { dataset, backupId, runId, attempt, method }: BackupAttempt<D>,
  {
    engine,
    repository,
    writing,
    retainUntil,
    ...d
  }: TakeBackupDeps<D, F> & Pick<MakingDeps<D, F>, 'writing' | 'retainUntil'>,
  signal: AbortSignal,
): Sharing {
  let bytes = 0;
  return new Sharing({
    ...{ dataset: dataset.name, backupId, runId, attempt, method, kind: engine.kind, repository, retainUntil, signal },
    ...{ compression: dataset.compression, workDirectory: d.workDirectory },
    store: (name, stream, form) => writing.store({ name, stage: name, stream }, form),
    onStored: (stored) => {
      bytes += stored;
      d.onProgress?.({ stage: 'content', bytes, totalBytes: null });
    },
  });
}

type Made<F> = Pick<
  Manifest,
  'attemptKey' | 'tools' | 'startedAt' | 'busPosition' | 'restoreByHand' | 'objects' | 'needs' | 'requires'
> &
  SharedParts & { readonly facts: F };

function toManifest<D extends ProtectedDataset, F extends object>(
  { dataset, backupId, runId, attempt, purpose, method }: BackupAttempt<D>,
  { facts, ...made }: Made<F>,
  { engine, repository, clock, holdfastVersion, onWarnings }: TakeBackupDeps<D, F>,
): Manifest & { readonly varying: readonly string[] } {
  const { warnings, counts, varying = [], ...summary } = engine.summarise(facts);
  const { recipients } = repository.encryption;
  onWarnings?.(warnings);
  return {
    ...{ formatVersion: 1, dataset: dataset.name, kind: engine.kind, method, purpose, backupId, runId, attempt },
    ...{ ...made, recipients: [...recipients], completedAt: clock().toISOString(), holdfastVersion },
    ...{ ...summary, counts: { ...counts }, suspicious: [], varying },
    ...(recipients.length === 0
      ? { facts: Object.fromEntries(Object.entries(facts)), warnings: [...warnings] }
      : { facts: null, warnings: [] }),
  };
}

/** Names of tables, policies and roles tell what a database is about: an encrypted backup keeps them inside its seal. */
async function toFactsObject(facts: object, sealing: Sealing): Promise<OutputObject> {
  const sealed = await sealing.bytes(Buffer.from(JSON.stringify(facts)));
  return { name: FACTS_NAME, stage: 'facts', stream: Readable.from([sealed]) };
}

/** The objects of one attempt, below a prefix of its own. */
class AttemptWriting {
  readonly attemptKey: string;
  readonly objects: ManifestObject[] = [];
  private readonly touched: ObjectKey[] = [];
  private readonly sent = new Map<string, { readonly keys: Map<ObjectKey, number>; total: number }>();

  constructor(
    { dataset, backupId, attempt, nonce }: BackupAttempt,
    private readonly d: Pick<TakeBackupDeps, 'repository' | 'onProgress'> & {
      readonly sealing: Sealing;
      readonly retainUntil: Date | undefined;
    },
    private readonly signal: AbortSignal,
  ) {
    this.attemptKey = attemptPrefix(dataset.name, backupId, attempt, nonce);
  }

  async store(
    { name: rawName, stage, stream }: OutputObject,
    form: SealedForm = this.d.sealing.form,
  ): Promise<ManifestObject> {
    const { repository, retainUntil, onProgress } = this.d;
    const name = `${rawName}${suffixOf(form)}`;
    const key = `${this.attemptKey}/${name}`;
    this.touched.push(key);
    const report = (bytes: number): void =>
      onProgress?.({ stage, bytes: this.sum(stage, key, bytes), totalBytes: null });
    report(0);
    const { sizeBytes, sha256 } = await repository.put(key, stream, {
      ...{ signal: this.signal, retainUntil },
      onProgress: report,
    });
    const object = { name, key, sizeBytes, sha256, ...form };
    this.objects.push(object);
    return object;
  }

  /** Of all objects of a stage: several may be on their way. */
  private sum(stage: string, key: ObjectKey, bytes: number): number {
    const ofStage = this.sent.get(stage) ?? { keys: new Map<ObjectKey, number>(), total: 0 };
    ofStage.total += bytes - (ofStage.keys.get(key) ?? 0);
    ofStage.keys.set(key, bytes);
    this.sent.set(stage, ofStage);
    return ofStage.total;
  }

  /**
   * Best effort, under a signal of its own: the attempt's is aborted already, more often than not. A credential that only writes, and a lock,
   * leave it to the sweeper.
   */
  async removeAll(): Promise<void> {
    const signal = AbortSignal.timeout(TIDY_MS);
    for (const key of this.touched) await this.d.repository.remove(key, { signal }).catch(() => undefined);
  }
}
