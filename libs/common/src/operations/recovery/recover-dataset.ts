import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { decideRecovery, type RecoveryDecision } from '#common/engines/postgres/pitr/decide-recovery.js';
import { type Reached, recover } from '#common/engines/postgres/pitr/recover.js';
import type { ScratchServer } from '#common/engines/postgres/pitr/scratch-server.js';
import type { AppError } from '#common/errors/app-error.js';
import { holdWork } from '#common/operations/hold-work.js';
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
  /** Where its tablespaces are to lie, by number; default: beside the directory, so that one pattern removes both. */
  readonly toTablespace?: (oid: string) => string;
  readonly toolDirectories: readonly string[];
  /** Names the hold on the base backup. */
  readonly runId: string;
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
  return { decision: decideAmong(known, q.goal, q.backupId), known, keyring };
}

/** The same of what is loaded already. Throws: recovery.outside, backup.missing. */
export function decideAmong(
  known: LoadedRecoverable,
  goal: RecoveryGoal,
  backupId?: string,
): PlannedRecovery['decision'] {
  const decision = decideRecovery(known, goal, { backupId });
  const base = known.bases.find((each) => each.backupId === decision.base.backupId) as LoadedBase;
  return { ...decision, base };
}

export interface RecoveredDataset extends Reached {
  readonly backupId: string;
  readonly systemId: string;
  readonly directory: string;
  /** From the first byte to the stopped server. */
  readonly seconds: number;
}

export interface RecoverDatasetDeps {
  readonly repository: BackupRepository;
  /** Asks the recovered server before it is stopped. */
  readonly look?: (server: ScratchServer, reached: Reached) => Promise<unknown>;
  /** No hold can be placed: the recovery goes on, and no other user of the repository knows of it. */
  readonly onUnheld?: (error: AppError) => void;
}

/**
 * Plans, recovers, and leaves a data directory that is ready to start. A hold keeps the base backup meanwhile, and so the WAL behind it.
 * Throws: what `planRecovery` and `recover` throw.
 */
export async function recoverDataset(request: RecoveryRequest, d: RecoverDatasetDeps): Promise<RecoveredDataset> {
  const { dataset, runId, signal } = request;
  const planned = await planRecovery(request, d.repository);
  const { backupId } = planned.decision.base;
  const held = { dataset, backupId, kind: 'restore' as const, runId };
  return holdWork(d.repository, held, { signal, onUnheld: d.onUnheld }, () => recoverPlanned(planned, request, d));
}

async function recoverPlanned(
  { decision, known, keyring }: PlannedRecovery,
  { directory, toTablespace = toBeside(directory), toolDirectories, onStage, signal }: RecoveryRequest,
  { repository, look = async () => undefined }: RecoverDatasetDeps,
): Promise<RecoveredDataset> {
  const beganMs = performance.now();
  const { facts, backupId, manifest } = decision.base;
  const { goal, timeline, reach, mayEndEarly } = decision;
  const order = { facts, goal, timeline, reach, mayEndEarly, directory, toTablespace };
  const deps = {
    ...{
      material: baseMaterial(manifest, { repository, keyring, signal }),
      archive: known.archive,
      keyring,
      toolDirectories,
    },
    ...(onStage === undefined ? {} : { onStage }),
  };
  const { seen: _, ...reached } = await recover(order, deps, { signal, use: look });
  const seconds = Math.round(performance.now() - beganMs) / 1_000;
  return { ...reached, backupId, systemId: facts.systemId, directory, seconds };
}

const toBeside =
  (directory: string) =>
  (oid: string): string =>
    `${directory}.tablespace-${oid}`;
