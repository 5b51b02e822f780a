import type { Drill } from '#common/catalog/entities/drill.entity.js';
import type { DrillResultView } from '#common/contracts/api-views.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { DrillRequested } from '#common/contracts/events/drill-requested.event.js';
import { readGoal } from '#common/contracts/recovery-target.js';
import { judgeDrill, type Objectives } from '#common/domain/drill.policy.js';
import { parseDuration } from '#common/domain/duration.js';
import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { loadDriver } from '#common/engines/engines.js';
import { AppError } from '#common/errors/app-error.js';
import { type ChosenMoment, chooseMoment } from '#common/operations/drill/choose-moment.js';
import type { DrillOutcome } from '#common/operations/drill/run-drill.js';
import type { Installation } from '../installation.js';
import { loadManifest } from '../load-manifest.js';

/** What a request, a drill of the configuration or the command line asks for. */
export type DrillWish = Pick<
  DataOf<typeof DrillRequested>,
  'dataset' | 'target' | 'profile' | 'method' | 'at' | 'destination'
>;

/**
 * Refuses a drill that the configuration does not allow, or that would leave something behind. The identity is that of any attempt: only the
 * form of its destination counts. Throws: request.refused, request.invalid.
 */
export function assertDrillAllowed(installation: Installation, wish: DrillWish, identity: AttemptIdentity): void {
  const { dataset, target, profile } = wish;
  const destination = toDrillPlace(installation, wish, identity);
  if (!installation.targetConfig(target).accepts.drills) {
    const hint = `Set \`accepts.drills: true\` on a target that serves no people, and name that one.`;
    throw new AppError('request.refused', `target "${target}" does not accept drills`, { target }, { hint });
  }
  assertRestoreAllowed({ dataset, target, strategy: 'new', destination }, installation.targetRules(target));
  installation.profile(profile, dataset);
  const method = installation.method(dataset, wish.method);
  const driver = loadDriver(installation.targetKind(target), method, `a backup of dataset "${dataset}"`);
  if (driver.discard === undefined)
    throw new AppError(
      'request.refused',
      `what is restored of method ${method} cannot be removed again, so no drill restores it`,
    );
}

/** Where an attempt restores to: nowhere else does any other. Throws: request.refused, request.invalid. */
export function toDrillPlace(
  installation: Installation,
  { dataset, target, destination }: DrillWish,
  { runId, attempt }: AttemptIdentity,
): string {
  const own = installation.targetKind(target).toDrillDestination?.(runId, attempt);
  if (own !== undefined && destination !== undefined)
    throw new AppError('request.invalid', `a drill on target "${target}" gets a destination of its own and names none`);
  if (own === undefined && destination === undefined)
    throw new AppError('request.invalid', `a drill on target "${target}" has to name a destination that is empty`);
  return installation.destination(dataset, target, own ?? destination);
}

/** Of the first attempt, where there was one. Throws: request.refused; backup.missing; recovery.outside; repository.*. */
export async function chooseDrill(
  installation: Installation,
  wish: DrillWish & { readonly runId: string; readonly first?: Drill | undefined },
  signal: AbortSignal,
): Promise<ChosenMoment> {
  const { dataset, target, at, runId, first } = wish;
  const method = installation.method(dataset, wish.method);
  const driver = loadDriver(installation.targetKind(target), method, `a backup of dataset "${dataset}"`);
  const question = { dataset, method, at, canRecover: driver.recovers ?? false, runId };
  const chosen = await chooseMoment(question, installation.primaryRepository(dataset), signal);
  if (first === undefined) return chosen;
  const manifest = await loadManifest(installation, dataset, first.backupId, signal);
  return { ...chosen, manifest, goal: readGoal(first.recovery ?? undefined) };
}

/** What a drill showed, judged by the objectives of its dataset: the same as the result of a run and of the command line. */
export function toDrillResult(
  installation: Installation,
  { drill, manifest, goal, place, outcome }: CarriedDrill,
): Omit<DrillResultView, 'probes' | 'verdictKey'> {
  const { backupId, method, dataset } = manifest;
  const { verification, measured, left } = outcome;
  const { verdict } = verification;
  return {
    ...{ drill, backupId, method, ...place, recovery: goal ?? null },
    ...{ verdict, ...measured, scratchRemoved: left === null },
    ...judgeDrill(verdict, measured, objectivesOf(installation, dataset)),
  };
}

export interface CarriedDrill extends Pick<ChosenMoment, 'manifest' | 'goal'> {
  /** Of the configuration; null: another service asked. */
  readonly drill: string | null;
  readonly place: { readonly target: string; readonly destination: string };
  readonly outcome: DrillOutcome;
}

function objectivesOf(installation: Installation, dataset: string): Objectives {
  const { rto, rpo } = installation.datasetConfig(dataset).objectives ?? {};
  const toMs = (text: string | undefined) => (text === undefined ? undefined : parseDuration(text));
  return { rtoMs: toMs(rto), rpoMs: toMs(rpo) };
}
