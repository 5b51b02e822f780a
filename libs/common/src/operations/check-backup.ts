import type { Manifest } from '#common/contracts/manifest.js';
import type { AppError } from '#common/errors/app-error.js';
import { checksumsProbe, type ObjectsContext, readSums } from '#common/probes/checksums.probe.js';
import { conclude, countOf, EvidenceLog, type ProbeFinding } from '#common/probes/evidence.js';
import { runProbe } from '#common/probes/run-probe.js';
import { findBrokenNeeds } from '#common/repository/load-backup.js';
import { checkContent } from './content/check-content.js';
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
    const outcome = await runProbe({ name, timeoutMs, check: readAll }, { manifest, repository, signal });
    const proven = { manifest, runId, destination: null, profile: null, outcomes: [outcome], startedAt };
    return keepVerdict(proven, deps, signal);
  });
}

/** The objects of the backup itself and those that it shares with others; of backups that it builds on, what is known to be wrong with them. */
async function readAll(context: ObjectsContext): Promise<ProbeFinding> {
  const own = await readSums(context);
  const { manifest, repository, signal } = context;
  const broken = await findBrokenNeeds(repository, manifest, { signal, withProofs: true });
  if (broken.length > 0) {
    const problems = new EvidenceLog();
    problems.add(...broken.map(({ object, problem }) => ({ subject: object, problem })));
    const looked = `${own.summary}; ${countOf(manifest.needs.length, 'backup')} that it builds on`;
    return conclude({ looked, problems, facts: own.evidence });
  }
  // References that are damaged themselves say nothing of what they refer to.
  if (manifest.references === undefined || own.verdict !== 'passed') return own;
  const { count, sizeBytes, damage, damaged } = await checkContent(manifest, repository, { signal, withDigests: true });
  const problems = new EvidenceLog();
  problems.add(...damage.map(({ object, problem }) => ({ subject: object, problem })));
  problems.total = damaged;
  const looked = `${own.summary}; ${countOf(count, 'shared object')}, ${sizeBytes} bytes`;
  return conclude({ looked, problems, facts: own.evidence });
}
