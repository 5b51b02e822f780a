import type { PlanConfig } from '#common/config/plans/plan.config.js';
import { Instant } from '#common/contracts/names.js';
import { assertOffset } from '#common/contracts/recovery-target.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import type { ChosenMember, ChosenPoint } from '#common/operations/points/choose-point.js';
import { chooseMembersOf } from '#common/service/points/point-members.js';
import { loadPoint } from '#common/service/points/stored-point.js';
import { text } from '../options.js';
import type { Options, VerbContext } from '../verb.js';

export const pointOptions = [
  ['--at <instant>', 'bring all members to this moment, 2026-03-01T12:00:00+01:00; default: the newest possible'],
  ['--recovery-point <id>', 'bring back exactly the backups of a point that was taken'],
] as const;

/** Throws: point.unreachable, point.missing, backup.*; request.invalid, request.refused; repository.*. */
export async function findPoint(
  point: string,
  options: Options,
  { installation, signal }: VerbContext,
): Promise<ChosenPoint> {
  const [at, pointId] = [text(options, 'at'), text(options, 'recoveryPoint')];
  installation.point(point);
  if (at !== undefined && pointId !== undefined)
    throw new AppError('request.invalid', '--at and --recovery-point each name a moment: give one of them');
  if (pointId === undefined) return chooseMembersOf(installation, { point, wantedAt: toInstant(at) }, signal);
  if (!isUuid(pointId)) throw new AppError('request.invalid', `"${pointId}" is no id of a recovery point`);
  return loadPoint(installation, { point, pointId }, signal);
}

function toInstant(at: string | undefined): string | undefined {
  if (at === undefined || at === 'latest') return undefined;
  assertOffset(at);
  if (Instant.safeParse(at).success) return at;
  throw new AppError('request.invalid', `--at must be an instant with its UTC offset, not "${at}"`);
}

/** Undefined for a plan that recovers to no point. Throws: as findPoint; request.invalid where the operator names a moment of such a plan. */
export async function findPlanPoint(
  { name, plan }: { readonly name: string; readonly plan: PlanConfig },
  options: Options,
  context: VerbContext,
): Promise<ChosenPoint | undefined> {
  if (plan.point !== undefined) return findPoint(plan.point, options, context);
  if (text(options, 'at') === undefined && text(options, 'recoveryPoint') === undefined) return undefined;
  const hint = `Add \`point\` to \`plans.${name}\`, the name of one under \`points\`.`;
  throw new AppError('request.invalid', `plan "${name}" recovers to no recovery point`, {}, { hint });
}

type Chosen = { readonly members: readonly Pick<ChosenMember, 'dataset' | 'backupId' | 'recovery'>[] };

/** The plan with the members of the point in the place of `latest`. */
export function toPointedPlan(plan: PlanConfig, chosen: Chosen | undefined): PlanConfig {
  if (chosen === undefined) return plan;
  const steps = plan.steps.map((step) => {
    const member = chosen.members.find(({ dataset }) => step.use === 'restore' && step.dataset === dataset);
    if (step.use !== 'restore' || member === undefined) return step;
    const { backupId, recovery } = member;
    return { ...step, ...(backupId !== null && { backup: backupId }), ...(recovery !== null && { recovery }) };
  });
  return { ...plan, steps };
}
