import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import { digestOf, type InventoryEntry, type SharedRef } from '#common/contracts/shared-ref.js';
import type { SharedObjects, SharedParent } from '#common/engines/shared-objects.js';
import { AppError } from '#common/errors/app-error.js';
import { placeIndexCanary } from '#common/operations/canary.js';
import { newHoldName } from '#common/operations/hold-work.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { HOLD_LIVES_MS } from '#common/repository/expiry-marker.js';
import { type KeptHold, keepHold } from '#common/repository/keep-hold.js';
import { contentKey, manifestKey, SHARING_NAME } from '#common/repository/layout.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { type SealedForm, Sealing, type SealingOptions } from '#common/sealing/sealing.js';
import { loadIndexKeys, toDigestOf } from './content-names.js';
import { ContentWriter, type OpenContent } from './content-writer.js';
import { findParent, type NewBackup, type Parent } from './find-parent.js';
import { KnownContent } from './known-content.js';
import { toLineStream } from './line-stream.js';
import { INVENTORY_NAME, REFERENCES_NAME, readInventory, readReferences } from './references.js';
import { encodeSharingMark } from './sharing-mark.js';
import { SortedLines } from './sorted-lines.js';
import { lookAtReferences } from './stored-content.js';

/** More than that, and it is no parent any more: all content is stored anew. */
const MAX_LOST = 10_000;

export interface SharingDeps extends NewBackup {
  readonly runId: string;
  readonly attempt: number;
  readonly repository: BackupRepository;
  readonly compression: SealingOptions['compression'];
  readonly workDirectory?: string | undefined;
  /** Stores one object of the attempt, sealed as the form says. */
  readonly store: (name: string, stream: Readable, form: SealedForm) => Promise<ManifestObject>;
  readonly onStored?: ((bytes: number) => void) | undefined;
  /** The storage locks what the backup refers to until then, where the repository has a `lock`. */
  readonly retainUntil?: Date | undefined;
  readonly signal: AbortSignal;
}

export type SharedParts = Pick<Manifest, 'inventory' | 'references'>;

/** What one attempt shares with other backups of its dataset. Begins when its engine asks, and costs nothing otherwise. */
export class Sharing {
  private begun: Promise<Begun> | undefined;

  constructor(private readonly d: SharingDeps) {}

  /** Throws: config.invalid, backup.expiring; repository.*. */
  begin(): Promise<SharedObjects> {
    this.begun ??= Begun.begin(this.d);
    return this.begun;
  }

  /** Stores inventory and references; what the manifest says of them. Empty when nothing began. Throws: internal.bug, repository.*; engine.*. */
  async finish(): Promise<SharedParts> {
    return this.begun === undefined ? {} : (await this.begun).finish();
  }

  /** Idempotent, never throws. */
  async close(): Promise<void> {
    await this.begun?.then(
      (begun) => begun.close(),
      () => undefined,
    );
  }
}

interface HeldParent extends KeptHold, Parent {}

class Begun implements SharedObjects {
  private readonly inventory: SortedLines;
  private readonly references: SortedLines;
  private readonly writer: ContentWriter;
  private entries = 0;
  private contentBytes = 0;

  private constructor(
    private readonly d: SharingDeps,
    private readonly o: {
      readonly folder: string;
      readonly index: Keyring;
      readonly known: KnownContent;
      readonly mark: string;
      readonly held: HeldParent | undefined;
      readonly parent: SharedParent | undefined;
    },
  ) {
    const { folder, index, known, mark } = o;
    this.inventory = new SortedLines({ folder, name: 'inventory' });
    this.references = new SortedLines({ folder, name: 'references' });
    const { dataset, repository, compression, retainUntil, onStored, signal } = d;
    const sealing = new Sealing({ compression, recipients: repository.encryption.recipients });
    const toDigest = toDigestOf(index);
    const deps = { dataset, repository, sealing, toDigest, mark, known, folder, signal, retainUntil, onStored };
    this.writer = new ContentWriter(deps);
  }

  static async begin(d: SharingDeps): Promise<Begun> {
    const { repository, signal } = d;
    const index = await loadIndexKeys(repository);
    await placeIndexCanary(repository, index, { signal });
    const folder = await mkdtemp(join(d.workDirectory ?? tmpdir(), `holdfast-backup-${d.runId}-a${d.attempt}-`));
    const mark = randomBytes(8).toString('hex');
    const held = await holdParent(d);
    const known = new KnownContent(folder, held?.manifest.references?.count);
    try {
      // Told before anything is relied upon: a sweep that sees this keeps what the parent needs, whatever becomes of the parent.
      const body = Readable.from([encodeSharingMark({ mark, parent: held?.manifest.backupId ?? null })]);
      await d.store(SHARING_NAME, body, { compression: 'none', encryption: 'none' });
      if (held !== undefined) await assertThere(held.manifest, repository, signal);
      const lost = held === undefined ? new Set<string>() : await loadKnown(held, known, d);
      const parent = held === undefined || lost === undefined ? undefined : toParent(held.manifest, { index, lost }, d);
      return new Begun(d, { folder, index, known, mark, held, parent });
    } catch (error) {
      await letGo({ folder, known, held });
      throw error;
    }
  }

  get parent(): SharedParent | undefined {
    return this.o.parent;
  }

  put(open: OpenContent): Promise<SharedRef> {
    return this.writer.put(open);
  }

  list(entry: InventoryEntry): void {
    this.inventory.add(entry.key, JSON.stringify(entry));
    this.entries += 1;
    if (entry.content === undefined) return;
    this.contentBytes += entry.content.contentBytes;
    this.references.add(entry.content.name, '');
  }

  async finish(): Promise<Required<SharedParts>> {
    const { index } = this.o;
    const { repository, compression, signal, store } = this.d;
    const { recipients } = repository.encryption;
    const sealing = new Sealing({ compression, recipients: [...recipients, ...index.recipients] });
    const input = toLineStream(this.inventoryLines());
    const chain = spawnChain(sealing.tail(), { signal, input });
    // Storage that fails stops reading: nothing may go on to read what is closed next.
    const inventory = await store(INVENTORY_NAME, chain.stdout, sealing.form).finally(() => input.destroy());
    const total = { count: 0, sizeBytes: 0 };
    const raw = toLineStream(this.referenceLines(total));
    const compressed = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    pipeline(raw, compressed, () => undefined);
    // Who deletes must be able to read them, and has no identity.
    const form = { compression: 'zstd', encryption: 'none' } as const;
    const references = await store(REFERENCES_NAME, compressed, form).finally(() => raw.destroy());
    return {
      inventory: { object: inventory.name, entries: this.entries, contentBytes: this.contentBytes },
      references: { object: references.name, ...total },
    };
  }

  close(): Promise<void> {
    return letGo(this.o);
  }

  private async *inventoryLines(): AsyncGenerator<string> {
    for await (const { line } of this.inventory.sorted()) yield line;
  }

  private async *referenceLines(total: { count: number; sizeBytes: number }): AsyncGenerator<string> {
    let last = '';
    const locks = new Locks(this.d);
    for await (const { key: name } of this.references.sorted()) {
      if (name === last) continue;
      last = name;
      const stored = this.o.known.find(digestOf(name));
      // Such an object may be deleted at any time: only the references of the parent and our own mark keep it.
      if (stored?.name !== name)
        throw new AppError('internal.bug', `${name} was neither stored by this backup nor in its parent`);
      total.count += 1;
      total.sizeBytes += stored.sizeBytes;
      if (!name.includes(this.o.mark)) await locks.extend(name);
      yield JSON.stringify(stored);
    }
    await locks.end();
  }
}

const LOCKS_IN_FLIGHT = 16;

/** Locks what earlier backups have stored for as long as this one, several at a time. */
class Locks {
  private readonly inFlight = new Set<Promise<void>>();
  private failure: unknown;

  constructor(private readonly d: Pick<SharingDeps, 'repository' | 'dataset' | 'retainUntil' | 'signal'>) {}

  /** Throws: also what an earlier one met; repository.*. */
  async extend(name: string): Promise<void> {
    const { repository, dataset, retainUntil, signal } = this.d;
    if (retainUntil === undefined) return;
    while (this.inFlight.size >= LOCKS_IN_FLIGHT) await Promise.race(this.inFlight);
    if (this.failure !== undefined) throw this.failure;
    const locking = repository
      .extendRetention(contentKey(dataset, name), retainUntil, { signal })
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => this.inFlight.delete(locking));
    this.inFlight.add(locking);
  }

  async end(): Promise<void> {
    await Promise.all(this.inFlight);
    if (this.failure !== undefined) throw this.failure;
  }
}

/** A hold keeps retention from the parent for as long as the attempt lasts. What is about to be deleted is no parent. */
async function holdParent(d: SharingDeps): Promise<HeldParent | undefined> {
  const { repository, dataset, runId, signal } = d;
  const parent = await findParent(d, repository, { signal });
  if (parent === undefined) return undefined;
  const hold = {
    ...{ dataset, backupId: parent.manifest.backupId, name: newHoldName('backup', runId), livesMs: HOLD_LIVES_MS },
    ...{ reason: `backup ${d.backupId} shares content with it`, by: hostname() },
  };
  try {
    return { ...parent, ...(await keepHold(repository, hold, signal)) };
  } catch (error) {
    if (error instanceof AppError && error.code === 'backup.expiring') return undefined;
    throw error;
  }
}

/** After the hold and after the mark: from here on the parent's references are counted, or nothing shared is deleted. */
async function assertThere(parent: Manifest, repository: BackupRepository, signal: AbortSignal): Promise<void> {
  const { backupId, attemptKey } = parent;
  if ((await repository.stat(manifestKey(attemptKey), { signal })) !== undefined) return;
  throw new AppError('backup.expiring', `backup ${backupId}, which this one shares content with, was deleted`, {
    backupId,
  });
}

/** What the parent refers to and the repository has. Returns names of what it has lost; undefined when that is too much to go on with. */
async function loadKnown(
  { manifest, damaged }: Parent,
  known: KnownContent,
  { repository, dataset, signal }: SharingDeps,
): Promise<Set<string> | undefined> {
  const lost = new Set<string>();
  const references = readReferences(manifest, repository, { signal });
  for await (const { reference, problem } of lookAtReferences(references, { repository, dataset }, { signal })) {
    if (problem === undefined && !damaged.has(reference.name)) known.add(reference);
    else lost.add(reference.name);
    if (lost.size > MAX_LOST) return undefined;
  }
  return lost;
}

function toParent(
  manifest: Manifest,
  { index, lost }: { readonly index: Keyring; readonly lost: ReadonlySet<string> },
  { repository, signal }: SharingDeps,
): SharedParent {
  async function* inventory(): AsyncGenerator<InventoryEntry> {
    for await (const entry of readInventory(manifest, repository, { keyring: index, signal }))
      if (entry.content === undefined || !lost.has(entry.content.name)) yield entry;
  }
  return { backupId: manifest.backupId, inventory };
}

async function letGo({ folder, known, held }: Pick<Begun['o'], 'folder' | 'known' | 'held'>): Promise<void> {
  known.close();
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  await held?.release();
}
