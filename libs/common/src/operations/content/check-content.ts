import type { Manifest } from '#common/contracts/manifest.js';
import type { Reference } from '#common/contracts/shared-ref.js';
import type { Damage } from '#common/domain/proof.js';
import { AppError } from '#common/errors/app-error.js';
import { checkObject } from '#common/operations/restore/spool-object.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { toObject } from './open-shared.js';
import { readReferences } from './references.js';
import { lookAtReferences } from './stored-content.js';

export interface CheckContentOptions {
  readonly signal: AbortSignal;
  /** Reads every shared object to its end; without it only presence and size are looked at. */
  readonly withDigests: boolean;
  readonly onChecked?: (bytes: number) => void;
}

export interface CheckedContent {
  readonly count: number;
  readonly sizeBytes: number;
  /** The first of them. */
  readonly damage: readonly Damage[];
  readonly damaged: number;
}

/** How damage names a shared object. */
export const CONTENT_OBJECT = 'content/';
const SHOWN = 20;
const IN_FLIGHT = 8;

/**
 * Whether every shared object that a backup refers to is there, at its size and, on demand, with its bytes. One pass over its references beside one
 * listing, in flat memory. What is wrong is a result. Throws: backup.corrupt for references that cannot be read; repository.*; the abort reason.
 */
export async function checkContent(
  manifest: Manifest,
  repository: BackupRepository,
  { signal, withDigests, onChecked }: CheckContentOptions,
): Promise<CheckedContent> {
  const { dataset } = manifest;
  const tally = { count: 0, sizeBytes: 0, damage: [] as Damage[], damaged: 0 };
  const blame = ({ name }: Reference, problem: string): void => {
    tally.damaged += 1;
    if (tally.damage.length < SHOWN) tally.damage.push({ object: `${CONTENT_OBJECT}${name}`, problem });
  };
  const reading = withDigests ? new Reading(repository, dataset, signal) : undefined;
  const references = readReferences(manifest, repository, { signal });
  for await (const { reference, problem } of lookAtReferences(references, { repository, dataset }, { signal })) {
    tally.count += 1;
    tally.sizeBytes += reference.sizeBytes;
    if (problem !== undefined) blame(reference, problem);
    else
      await reading?.add(reference, (wrong) => {
        if (wrong !== undefined) blame(reference, wrong);
        onChecked?.(reference.sizeBytes);
      });
  }
  await reading?.finish();
  const promised = manifest.references ?? { count: 0, sizeBytes: 0 };
  if (tally.count === promised.count && tally.sizeBytes === promised.sizeBytes) return tally;
  const said = `the manifest of backup ${manifest.backupId} says ${promised.count} references of ${promised.sizeBytes} bytes`;
  throw new AppError('backup.corrupt', `${said}, found were ${tally.count} of ${tally.sizeBytes} bytes`);
}

/** Several objects at a time. */
class Reading {
  private readonly underway = new Set<Promise<void>>();
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly repository: BackupRepository,
    private readonly dataset: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Returns when there is room for the next. Throws: what an earlier one threw. */
  async add(reference: Reference, onRead: (problem: string | undefined) => void): Promise<void> {
    while (this.underway.size >= IN_FLIGHT) await Promise.race(this.underway);
    if (this.failure) throw this.failure.error;
    const work = this.read(reference)
      .then(onRead)
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => this.underway.delete(work));
    this.underway.add(work);
  }

  async finish(): Promise<void> {
    await Promise.all(this.underway);
    if (this.failure) throw this.failure.error;
  }

  private async read(reference: Reference): Promise<string | undefined> {
    try {
      await checkObject(toObject(this.dataset, reference), this.repository, { signal: this.signal });
      return undefined;
    } catch (error) {
      if (error instanceof AppError && error.code === 'backup.corrupt') return 'has other bytes than were stored';
      if (error instanceof AppError && error.code === 'repository.object-missing') return 'is missing';
      throw error;
    }
  }
}
