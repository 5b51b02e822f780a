import type { Manifest } from '#common/contracts/manifest.js';
import { looksAtDatabase } from '#common/domain/proof.js';
import { decideVerdict, type ProbeOutcome } from '#common/domain/verdict.js';
import type { Engine, ProbedPlace, ProtectedDataset, RestoreTarget, TargetKind } from '#common/engines/engine.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import type { PreparedProbe } from '#common/probes/define-probe.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import { type HoldWorkOptions, holdWork } from './hold-work.js';
import { type KeepVerdictDeps, keepVerdict, type VerificationResult } from './keep-verdict.js';
import { openBackup } from './open-backup.js';

export interface Verification {
  readonly runId: string;
  readonly manifest: Manifest;
  readonly dataset: ProtectedDataset;
  readonly target: RestoreTarget;
  /** What was restored. */
  readonly destination: string;
  readonly profile: { readonly name: string; readonly probes: readonly PreparedProbe[] };
}

export interface VerifyRestoreDeps extends KeepVerdictDeps {
  /** Of the backup's kind. */
  readonly engine: Pick<Engine, 'kind' | 'facts' | 'place' | 'assertThere'>;
  /** Default: the engine's own. */
  readonly targetKind?: Pick<TargetKind, 'place' | 'assertThere' | 'whileAsked'>;
  /** Called before each probe. */
  readonly onProbe?: (probe: string, index: number, total: number) => void;
  readonly onUnheld?: HoldWorkOptions['onUnheld'];
}

/**
 * Runs every probe of a profile, in order, and keeps the verdict beside the backup before it returns. A hold keeps the backup until then:
 * a verdict beside nothing would be seen by no sweep.
 * A probe that could not look, or a destination that is not there, leaves no verdict, unless a probe has already found the restore wrong:
 * that stays true.
 * A probe that runs out of time is inconclusive; what the others found is in the context of an error.
 * Throws: probe.failed, probe.blocked, probe.unreachable, probe.impossible, repository.*; the abort reason.
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
  const { target, destination, profile } = verification;
  const place = `${(deps.targetKind ?? deps.engine).place(target)}/${destination}`;
  const proven = { manifest, runId, outcomes, startedAt, destination: place, profile: profile.name };
  return keepVerdict(proven, deps, signal);
}

async function runProbes(
  verification: Verification,
  { repository, engine, targetKind, onProbe }: VerifyRestoreDeps,
  signal: AbortSignal,
): Promise<ProbeOutcome[]> {
  const { dataset, target, destination } = verification;
  const opened = await openBackup(verification.manifest, { repository, engine }, signal);
  const ask = (place: ProbedPlace) =>
    askProbes({ ...opened, ...place, dataset, repository, signal }, verification, {
      engine: targetKind ?? engine,
      onProbe,
    });
  const { manifest } = opened;
  return (
    targetKind?.whileAsked?.({ target, destination, dataset, manifest }, signal, ask) ?? ask({ target, destination })
  );
}

async function askProbes(
  context: ProbeContext,
  verification: Verification,
  {
    engine,
    onProbe,
  }: { readonly engine: Pick<TargetKind, 'assertThere'>; readonly onProbe: VerifyRestoreDeps['onProbe'] },
): Promise<ProbeOutcome[]> {
  const { probes } = verification.profile;
  const { signal } = context;
  const outcomes: ProbeOutcome[] = [];
  let failure: AppError | undefined;
  for (const [index, probe] of probes.entries()) {
    onProbe?.(probe.name, index, probes.length);
    try {
      outcomes.push(await probe.run(context));
    } catch (error) {
      signal.throwIfAborted();
      const unrun = toAppError(error);
      // Too slow today is too slow at the next attempt, and says nothing against what the others found.
      if (unrun.code !== 'probe.timeout') failure ??= unrun;
      outcomes.push(toUnrun(probe.name, unrun));
    }
  }
  const hasLooked = probes.some(({ name }) => looksAtDatabase(name));
  if (!hasLooked) failure ??= await findAbsence(verification, engine, signal);
  if (failure !== undefined && decideVerdict(outcomes) !== 'failed') throw withFindings(failure, outcomes);
  return outcomes;
}

/** Where no probe asks what was restored, no other step would notice that it does not exist. */
async function findAbsence(
  { target, destination }: Verification,
  engine: Pick<TargetKind, 'assertThere'>,
  signal: AbortSignal,
): Promise<AppError | undefined> {
  try {
    await engine.assertThere(target, destination, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return toAppError(error);
  }
}

/** What was looked at is not lost with what could not be. */
const withFindings = (failure: AppError, outcomes: readonly ProbeOutcome[]): AppError => {
  const found = outcomes.map(({ probe, verdict, summary }) => `${probe} ${verdict}: ${summary}`);
  const options = { cause: failure, hint: failure.hint };
  return new AppError(failure.code, failure.message, { ...failure.context, found }, options);
};

const toUnrun = (probe: string, { message, hint }: AppError): ProbeOutcome => ({
  probe,
  verdict: 'inconclusive',
  summary: message,
  evidence: [{ subject: probe, problem: `could not run: ${hint}` }],
  durationMs: 0,
});
