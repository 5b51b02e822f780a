import type { Manifest } from '#common/contracts/manifest.js';
import { decideVerdict, type ProbeOutcome, type Verdict } from '#common/domain/verdict.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { type PgConnection, toPgLabel } from '#common/pg/connection.js';
import type { PreparedProbe } from '#common/probes/define-probe.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { verdictKey } from '#common/repository/layout.js';
import { type HoldWorkOptions, holdWork } from './hold-work.js';

export interface Verification {
  readonly runId: string;
  readonly manifest: Manifest;
  /** The restored database, as a role that sees every row. */
  readonly database: PgConnection;
  readonly profile: { readonly name: string; readonly probes: readonly PreparedProbe[] };
  /** What the target does with owners and privileges. */
  readonly privileges: 'keep' | 'drop';
  readonly owner: string | undefined;
  readonly tenantTables: ProbeContext['tenantTables'];
  readonly toolDirectories: readonly string[];
}

export interface VerifyRestoreDeps {
  readonly repository: BackupRepository;
  readonly tools: PgTools;
  readonly now: () => Date;
  /** Called before each probe. */
  readonly onProbe?: (probe: string, index: number, total: number) => void;
  readonly onUnheld?: HoldWorkOptions['onUnheld'];
  /** The repository may be read with our keys and not written: the verdict is not kept beside the backup. */
  readonly onUnkept?: (error: AppError) => void;
}

export interface VerificationResult {
  readonly verdict: Verdict;
  readonly outcomes: readonly ProbeOutcome[];
  /** Where the verdict is kept, beside the backup; null: the repository takes no writes of ours. */
  readonly verdictKey: string | null;
  readonly startedAt: Date;
  readonly completedAt: Date;
}

/**
 * Runs every probe of a profile, in order, and keeps the verdict beside the backup before it returns. A hold keeps the backup until then:
 * a verdict beside nothing would be seen by no sweep.
 * A probe that could not look leaves no verdict, unless another one has already found the restore wrong: that stays true.
 * Throws: probe.timeout, probe.failed, probe.unreachable, probe.impossible, repository.*; the abort reason.
 */
export function verifyRestore(
  verification: Verification,
  deps: VerifyRestoreDeps,
  signal: AbortSignal,
): Promise<VerificationResult> {
  const { manifest, runId } = verification;
  const { repository, onUnheld } = deps;
  const work = { dataset: manifest.dataset, backupId: manifest.backupId, kind: 'verification' as const, runId };
  return holdWork(repository, work, { signal, onUnheld }, () => verifyHeld(verification, deps, signal));
}

async function verifyHeld(
  verification: Verification,
  deps: VerifyRestoreDeps,
  signal: AbortSignal,
): Promise<VerificationResult> {
  const startedAt = deps.now();
  const { manifest, runId } = verification;
  const outcomes = await runProbes(verification, deps, signal);
  const completedAt = deps.now();
  const key = verdictKey(manifest.dataset, manifest.backupId, completedAt.toISOString(), runId);
  const result = { verdict: decideVerdict(outcomes), outcomes, startedAt, completedAt };
  const isKept = await keepVerdict(key, encodeVerdict(verification, result), deps, signal);
  return { ...result, verdictKey: isKept ? key : null };
}

async function keepVerdict(
  key: string,
  bytes: Uint8Array,
  { repository, onUnkept }: VerifyRestoreDeps,
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

async function runProbes(
  verification: Verification,
  { repository, tools, onProbe }: VerifyRestoreDeps,
  signal: AbortSignal,
): Promise<ProbeOutcome[]> {
  const { probes } = verification.profile;
  const context: ProbeContext = { ...verification, repository, tools, signal };
  const outcomes: ProbeOutcome[] = [];
  let failure: AppError | undefined;
  for (const [index, probe] of probes.entries()) {
    onProbe?.(probe.name, index, probes.length);
    try {
      outcomes.push(await probe.run(context));
    } catch (error) {
      signal.throwIfAborted();
      failure ??= toAppError(error);
      outcomes.push(toUnrun(probe.name, toAppError(error)));
    }
  }
  if (failure !== undefined && decideVerdict(outcomes) !== 'failed') throw failure;
  return outcomes;
}

const toUnrun = (probe: string, { message, hint }: AppError): ProbeOutcome => ({
  probe,
  verdict: 'inconclusive',
  summary: message,
  evidence: [{ subject: probe, problem: `could not run: ${hint}` }],
  durationMs: 0,
});

/** Readable without Holdfast: what was proven, when, against which database. */
function encodeVerdict(verification: Verification, result: Omit<VerificationResult, 'verdictKey'>): Uint8Array {
  const { manifest, runId, database, profile } = verification;
  const document = {
    formatVersion: 1,
    dataset: manifest.dataset,
    backupId: manifest.backupId,
    runId,
    attemptKey: manifest.attemptKey,
    database: toPgLabel(database),
    profile: profile.name,
    verdict: result.verdict,
    startedAt: result.startedAt.toISOString(),
    completedAt: result.completedAt.toISOString(),
    probes: result.outcomes,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
