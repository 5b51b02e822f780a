import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { decideRecovery, type RecoveryDecision } from '#common/engines/postgres/pitr/decide-recovery.js';
import { type Reached, recover } from '#common/engines/postgres/pitr/recover.js';
import type { ScratchServer } from '#common/engines/postgres/pitr/scratch-server.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { baseMaterial } from './base-material.js';
import { type LoadedBase, type LoadedRecoverable, loadRecoverable } from './load-recoverable.js';

export interface RecoveryQuestion {
  readonly dataset: string;
  readonly goal: RecoveryGoal;
  /** A base backup that the operator names; default: the newest from which the goal can be reached. */
  readonly backupId?: string | undefined;
  readonly signal: AbortSignal;
}

export interface RecoveryRequest extends RecoveryQuestion {
  /** Absent or empty; becomes a data directory of PostgreSQL. */
  readonly directory: string;
  readonly toolDirectories: readonly string[];
  readonly onStage?: (stage: string) => void;
}

export interface PlannedRecovery {
  readonly decision: RecoveryDecision & { readonly base: LoadedBase };
  readonly known: LoadedRecoverable;
  readonly keyring: Keyring;
}

/** How a goal would be reached. Changes nothing. Throws: recovery.outside, backup.missing, sealing.*; repository.*. */
export async function planRecovery(q: RecoveryQuestion, repository: BackupRepository): Promise<PlannedRecovery> {
  const keyring = await Keyring.of(repository);
  const known = await loadRecoverable(q.dataset, { repository, keyring, signal: q.signal });
  const decision = decideRecovery(known, q.goal, { backupId: q.backupId });
  const base = known.bases.find(({ backupId }) => backupId === decision.base.backupId) as LoadedBase;
  return { decision: { ...decision, base }, known, keyring };
}

export interface RecoveredDataset extends Reached {
  readonly backupId: string;
  readonly systemId: string;
  readonly directory: string;
  /** From the first byte to the stopped server. */
  readonly seconds: number;
}

/** Plans, recovers, and leaves a data directory that is ready to start. Throws: what `planRecovery` and `recover` throw. */
export async function recoverDataset(
  request: RecoveryRequest,
  {
    repository,
    look = async () => undefined,
  }: { readonly repository: BackupRepository; readonly look?: (server: ScratchServer) => Promise<unknown> },
): Promise<RecoveredDataset> {
  const { directory, toolDirectories, onStage, signal } = request;
  const { decision, known, keyring } = await planRecovery(request, repository);
  const beganMs = performance.now();
  const material = baseMaterial(decision.base.manifest, { repository, keyring, signal });
  const { facts, backupId } = decision.base;
  const order = { facts, goal: decision.goal, timeline: decision.timeline, reach: decision.reach, directory };
  const deps = {
    material,
    archive: known.archive,
    keyring,
    toolDirectories,
    ...(onStage === undefined ? {} : { onStage }),
  };
  const { seen: _, ...reached } = await recover({ ...order, mayEndEarly: decision.mayEndEarly }, deps, {
    signal,
    look,
  });
  const seconds = Math.round(performance.now() - beganMs) / 1_000;
  return { ...reached, backupId, systemId: facts.systemId, directory, seconds };
}
