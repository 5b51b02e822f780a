import type { Measured } from '#common/domain/drill.policy.js';
import type { RestoredBy, RestoreTarget, TargetKind } from '#common/engines/engine.js';
import { loadDriver } from '#common/engines/engines.js';
import type { Remember } from '#common/engines/findings.js';
import { type AppError, toAppError } from '#common/errors/app-error.js';
import type { VerificationResult } from '#common/operations/keep-verdict.js';
import {
  type RestoreDeps,
  type RestoreOutcome,
  restoreBackup,
  type SealedRestoreOrder,
} from '#common/operations/restore/restore-backup.js';
import { type Verification, type VerifyRestoreDeps, verifyRestore } from '#common/operations/verify-restore.js';

export interface DrillOrder extends Omit<SealedRestoreOrder, 'strategy'> {
  readonly profile: Verification['profile'];
  /** The newest moment that could be restored, ISO. */
  readonly newestAt: string;
}

export interface DrillDeps
  extends Omit<RestoreDeps, 'takeSafetyBackup' | 'isSafetyBackupTaken' | 'remember' | 'targetKind' | 'dataset'>,
    Pick<VerifyRestoreDeps, 'now' | 'signingKey' | 'onProbe' | 'onUnkept'> {
  readonly dataset: NonNullable<RestoreDeps['dataset']>;
  readonly targetKind: TargetKind;
  readonly remember: Remember;
}

export interface DrillOutcome {
  readonly restore: RestoreOutcome;
  readonly verification: VerificationResult;
  readonly measured: Measured;
  /** Why the scratch place is still there; null: it is gone. */
  readonly left: AppError | null;
}

/** A drill that was stopped still tidies up; what it leaves, a sweep removes. */
const TIDY_MS = 20_000;
const REMOVE_MS = 5 * 60_000;

/**
 * Restores to a place of its own, proves what is there, and removes it in any case. What is measured is this attempt's from its first look at
 * the backup: nothing of an earlier attempt is reused. Throws: what `restoreBackup` and `verifyRestore` throw.
 */
export async function runDrill(order: DrillOrder, d: DrillDeps, signal: AbortSignal): Promise<DrillOutcome> {
  const { profile, newestAt, ...restoreOrder } = order;
  const { manifest, target, destination, identity } = order;
  const rpoMs = Math.max(0, d.now().getTime() - Date.parse(newestAt));
  const place = { targetKind: d.targetKind, method: manifest.method, target, destination, identity };
  const discard = async (until: AbortSignal): Promise<AppError | null> =>
    discardDrill({ ...place, doneMark: (await d.remember({})).doneMark }, until).then(() => null, toAppError);
  try {
    const beganMs = performance.now();
    const restore = await restoreBackup({ ...restoreOrder, strategy: 'new' }, d, signal);
    const restoredMs = performance.now();
    const { dataset } = d;
    const { runId } = identity;
    const verification = await verifyRestore({ runId, manifest, dataset, target, destination, profile }, d, signal);
    const measured = toMeasured(restoredMs - beganMs, performance.now() - restoredMs, rpoMs);
    return { restore, verification, measured, left: await discard(AbortSignal.timeout(REMOVE_MS)) };
  } catch (error) {
    await discard(AbortSignal.timeout(TIDY_MS));
    throw error;
  }
}

function toMeasured(restoring: number, verifying: number, rpoMs: number): Measured {
  const [restoreMs, verifyMs] = [Math.round(restoring), Math.round(verifying)];
  return { restoreMs, verifyMs, rtoMs: restoreMs + verifyMs, rpoMs };
}

export interface DrillPlace extends RestoredBy<RestoreTarget> {
  readonly targetKind: TargetKind;
  /** Of the backup. */
  readonly method: string;
  /** What the restore remembered last. */
  readonly doneMark: string | null;
}

/** Ends what the attempt still has going at its place, and removes what it made there. Idempotent. Throws: the engine's own codes. */
export async function discardDrill(
  { targetKind, method, doneMark, ...place }: DrillPlace,
  signal: AbortSignal,
): Promise<void> {
  const driver = loadDriver(targetKind, method, 'the backup of a drill');
  await driver.end(place.target, place.identity, signal);
  await driver.discard?.(place, doneMark, signal);
}
