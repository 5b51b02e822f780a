import type { Manifest } from '#common/contracts/manifest.js';
import { decideVerdict, type ProbeOutcome, type Verdict } from '#common/domain/verdict.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { verdictKey } from '#common/repository/layout.js';

export interface KeepVerdictDeps {
  readonly repository: BackupRepository;
  readonly now: () => Date;
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

/** Reaches the verdict and keeps it beside the backup, before an event publishes it. Throws: repository.*. */
export async function keepVerdict(
  proven: Proven,
  deps: KeepVerdictDeps,
  signal: AbortSignal,
): Promise<VerificationResult> {
  const { manifest, runId, outcomes, startedAt } = proven;
  const completedAt = deps.now();
  const result = { verdict: decideVerdict(outcomes), outcomes, startedAt, completedAt };
  const key = verdictKey(manifest.dataset, manifest.backupId, completedAt.toISOString(), runId);
  const isKept = await put(key, encode(proven, result), deps, signal);
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
  result: Omit<VerificationResult, 'verdictKey'>,
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
    startedAt: result.startedAt.toISOString(),
    completedAt: result.completedAt.toISOString(),
    probes: result.outcomes,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
