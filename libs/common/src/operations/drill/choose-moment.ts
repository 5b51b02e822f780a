import type { DrillMoment } from '#common/contracts/drill-moment.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { newestOf, pickInstant, spansOn, toFraction } from '#common/domain/drill.policy.js';
import { findWindows } from '#common/engines/postgres/pitr/window.js';
import { AppError } from '#common/errors/app-error.js';
import { decideAmong, planRecovery } from '#common/operations/recovery/recover-dataset.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { loadLatestBackup } from '#common/repository/load-backup.js';

export interface MomentQuestion {
  readonly dataset: string;
  readonly method: string;
  readonly at: DrillMoment | undefined;
  /** Whether the target replays what was archived after a backup of this method. */
  readonly canRecover: boolean;
  /** Decides which random instant it is: the same for every attempt. */
  readonly runId: string;
}

export interface ChosenMoment {
  readonly manifest: Manifest;
  /** Undefined: the moment of the backup. */
  readonly goal: RecoveryGoal | undefined;
  /** The newest moment that could have been restored instead, ISO. */
  readonly newestAt: string;
}

/**
 * Which backup a drill restores, and up to which instant. Throws: request.refused for an instant where nothing is archived; backup.missing,
 * recovery.outside, sealing.*; repository.*.
 */
export async function chooseMoment(
  { dataset, method, at, canRecover, runId }: MomentQuestion,
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<ChosenMoment> {
  const refuse = (why: string): never => {
    throw new AppError(
      'request.refused',
      `a drill of dataset "${dataset}" cannot go to the moment "${at ?? 'backup'}": ${why}`,
    );
  };
  if (at === 'backup' || !canRecover) {
    if (at === 'latest' || at === 'random')
      refuse(`backups by method ${method} lead to their own moment and to no other`);
    const manifest = await loadLatestBackup(repository, { dataset, method }, { signal });
    return { manifest, goal: undefined, newestAt: manifest.snapshotAt };
  }
  const latest: RecoveryGoal = { target: { kind: 'latest' }, inclusive: true };
  const { decision, known } = await planRecovery({ dataset, goal: latest, signal }, repository);
  const spans = spansOn(decision.timeline, findWindows(known));
  const newestAt = newestOf(spans) ?? decision.base.facts.takenAt;
  if (at === 'latest') return { manifest: decision.base.manifest, goal: latest, newestAt };
  const instant = pickInstant(spans, toFraction(runId));
  if (instant === undefined) {
    if (at === 'random') refuse('nothing is archived after its base backups');
    return { manifest: decision.base.manifest, goal: undefined, newestAt };
  }
  const goal: RecoveryGoal = { target: { kind: 'time', at: instant }, inclusive: true };
  return { manifest: decideAmong(known, goal).base.manifest, goal, newestAt };
}
