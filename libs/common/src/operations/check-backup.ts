import type { Manifest } from '#common/contracts/manifest.js';
import type { AppError } from '#common/errors/app-error.js';
import { checksumsProbe, readSums } from '#common/probes/checksums.probe.js';
import { runProbe } from '#common/probes/run-probe.js';
import { type HoldWorkOptions, holdWork } from './hold-work.js';
import { type KeepVerdictDeps, keepVerdict, type VerificationResult } from './keep-verdict.js';

export interface CheckBackupDeps extends KeepVerdictDeps {
  readonly onUnheld?: HoldWorkOptions['onUnheld'];
  readonly onUnkept?: (error: AppError) => void;
}

/**
 * Reads every object of a backup again, compares size and digest with its manifest, and keeps the verdict beside it. Needs no target: it
 * proves that the bytes are the right ones, and nothing of a restore. Throws: probe.timeout, probe.failed; repository.*; the abort reason.
 */
export function checkBackup(
  { manifest, runId }: { readonly manifest: Manifest; readonly runId: string },
  deps: CheckBackupDeps,
  signal: AbortSignal,
): Promise<VerificationResult> {
  const { repository, onUnheld } = deps;
  const { dataset, backupId } = manifest;
  return holdWork(repository, { dataset, backupId, kind: 'check', runId }, { signal, onUnheld }, async () => {
    const startedAt = deps.now();
    const { name, timeoutMs } = checksumsProbe;
    const outcome = await runProbe({ name, timeoutMs, check: readSums }, { manifest, repository, signal });
    const proven = { manifest, runId, destination: null, profile: null, outcomes: [outcome], startedAt };
    return keepVerdict(proven, deps, signal);
  });
}
