import type { Manifest } from '#common/contracts/manifest.js';
import { looksAtDatabase } from '#common/domain/proof.js';
import { decideVerdict, type ProbeOutcome } from '#common/domain/verdict.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { type PgConnection, toPgLabel } from '#common/pg/connection.js';
import type { PreparedProbe } from '#common/probes/define-probe.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import { Keyring } from '#common/sealing/keyring.js';
import { type HoldWorkOptions, holdWork } from './hold-work.js';
import { type KeepVerdictDeps, keepVerdict, type VerificationResult } from './keep-verdict.js';
import { openManifest } from './open-manifest.js';

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

export interface VerifyRestoreDeps extends KeepVerdictDeps {
  readonly tools: PgTools;
  /** Called before each probe. */
  readonly onProbe?: (probe: string, index: number, total: number) => void;
  readonly onUnheld?: HoldWorkOptions['onUnheld'];
}

/**
 * Runs every probe of a profile, in order, and keeps the verdict beside the backup before it returns. A hold keeps the backup until then:
 * a verdict beside nothing would be seen by no sweep.
 * A probe that could not look, or a database that is not there, leaves no verdict, unless a probe has already found the restore wrong:
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
  const { database, profile } = verification;
  const proven = { manifest, runId, outcomes, startedAt, database: toPgLabel(database), profile: profile.name };
  return keepVerdict(proven, deps, signal);
}

async function runProbes(
  verification: Verification,
  { repository, tools, onProbe }: VerifyRestoreDeps,
  signal: AbortSignal,
): Promise<ProbeOutcome[]> {
  const { probes } = verification.profile;
  const manifest = await openManifest(verification.manifest, repository, signal);
  const keyring = await Keyring.of(repository);
  const context: ProbeContext = { ...verification, manifest, repository, keyring, tools, signal };
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
  if (!hasLooked) failure ??= await findAbsence(verification.database, signal);
  if (failure !== undefined && decideVerdict(outcomes) !== 'failed') throw withFindings(failure, outcomes);
  return outcomes;
}

/** Where no probe asks the database, no other step would notice that it does not exist. */
async function findAbsence(database: PgConnection, signal: AbortSignal): Promise<AppError | undefined> {
  try {
    await withPgSession(database, { signal, applicationName: 'holdfast verification' }, async () => undefined);
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
