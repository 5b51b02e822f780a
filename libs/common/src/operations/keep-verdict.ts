import type { KeyObject } from 'node:crypto';
import type { Manifest } from '#common/contracts/manifest.js';
import type { VerdictLink } from '#common/contracts/verdict-document.js';
import { decideVerdict, type ProbeOutcome, type Verdict } from '#common/domain/verdict.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { verdictKey, verdictSignatureKey } from '#common/repository/layout.js';
import { signBytes } from '#common/sealing/signature.js';
import { findEnds, readStoredVerdicts } from './verdict-chain.js';

export interface KeepVerdictDeps {
  readonly repository: BackupRepository;
  readonly now: () => Date;
  /** Signs the verdict, for those who trust neither the repository nor the catalog. */
  readonly signingKey?: KeyObject | undefined;
  /** The repository may be read with our keys and not written: the verdict is not kept beside the backup. */
  readonly onUnkept?: ((error: AppError) => void) | undefined;
}

/** What was held against which backup. */
export interface Proven {
  readonly manifest: Manifest;
  readonly runId: string;
  /** Without its password; null: only the objects were looked at. */
  readonly destination: string | null;
  readonly profile: string | null;
  readonly outcomes: readonly ProbeOutcome[];
  readonly startedAt: Date;
}

export interface VerificationResult {
  readonly verdict: Verdict;
  readonly outcomes: readonly ProbeOutcome[];
  /** Where the verdict is kept, beside the backup; null: the repository takes no writes of ours. */
  readonly verdictKey: string | null;
  readonly startedAt: Date;
  readonly completedAt: Date;
}

/** So many of the newest are read for what the next one names: those that were written at once with one of them are among them. */
const RECENT = 16;

/**
 * Reaches the verdict and keeps it beside the backup, before an event publishes it. It names those before it by their digests, so that none
 * can be changed or removed unseen, and its signature is there before it is. Throws: repository.*.
 */
export async function keepVerdict(
  proven: Proven,
  deps: KeepVerdictDeps,
  signal: AbortSignal,
): Promise<VerificationResult> {
  const { manifest, runId, outcomes, startedAt } = proven;
  const completedAt = deps.now();
  const result = { verdict: decideVerdict(outcomes), outcomes, startedAt, completedAt };
  const key = verdictKey(manifest.dataset, manifest.backupId, completedAt.toISOString(), runId);
  const { repository, signingKey } = deps;
  const others = await readStoredVerdicts(repository, manifest, { signal, last: RECENT });
  const previous = findEnds(others.filter((other) => other.key !== key));
  const bytes = encode(proven, { ...result, previous });
  if (signingKey !== undefined) await put(verdictSignatureKey(key), signBytes(bytes, signingKey), deps, signal);
  const isKept = await put(key, bytes, deps, signal);
  return { ...result, verdictKey: isKept ? key : null };
}

async function put(
  key: string,
  bytes: Uint8Array,
  { repository, onUnkept }: KeepVerdictDeps,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await repository.put(key, bytes, { signal });
    return true;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'repository.denied')) throw error;
    onUnkept?.(error);
    return false;
  }
}

/** Readable without Holdfast: what was proven, when, against which destination. */
function encode(
  { manifest, runId, destination, profile }: Proven,
  result: Omit<VerificationResult, 'verdictKey'> & { readonly previous: readonly VerdictLink[] },
): Uint8Array {
  const document = {
    formatVersion: 1,
    dataset: manifest.dataset,
    backupId: manifest.backupId,
    runId,
    attemptKey: manifest.attemptKey,
    destination,
    profile,
    verdict: result.verdict,
    previous: result.previous,
    startedAt: result.startedAt.toISOString(),
    completedAt: result.completedAt.toISOString(),
    probes: result.outcomes,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
