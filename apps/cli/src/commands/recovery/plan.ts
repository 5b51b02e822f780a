import { kindOf, type PlanStep, type StepOf } from '#common/config/plans/plan-steps.js';
import { toProblem } from '#common/errors/app-error.js';
import { exitOfRefusals, toRefusalLines } from '#common/errors/refusals.js';
import { lastMeasured, type Measured, toForecast } from '#common/operations/plans/forecast.js';
import { readReach } from '#common/operations/recovery/read-reach.js';
import { known } from '#common/service/installation.js';
import { createRedactor } from '#common/telemetry/redaction.js';
import { toChosenText } from '../../output/point-text.js';
import { toTable } from '../../output/table.js';
import { type ForeseenStep, foreseeSteps } from '../../plans/foreseen-steps.js';
import { findPlanPoint, pointOptions, toPointedPlan } from '../../plans/plan-point.js';
import { listRuns, stateDirectory, stateOption } from '../../plans/state-directory.js';
import { workerOf } from '../../plans/step-workers.js';
import type { Verb, VerbContext } from '../../verb.js';
import { planArgument } from './run.js';

export const recoveryPlan: Verb = {
  path: ['recovery', 'plan'],
  summary:
    'show what a plan would do, from which backups, and how long it would take by the last measured times; changes nothing',
  argument: planArgument,
  options: [...pointOptions, stateOption],
  examples: ['recovery plan shop', 'recovery plan shop --json'],
  async run(context, options, name) {
    const configured = known(context.installation.config.plans, name, 'plan');
    const point = await findPlanPoint({ name, plan: configured }, options, context);
    const plan = toPointedPlan(configured, point);
    const measured = lastMeasured(name, listRuns(stateDirectory(options, context)).runs);
    const foreseen = await foreseeSteps(plan, context);
    const forecast = toForecast(
      plan.steps.map((step) => step.name),
      measured,
    );
    const steps: Awaited<ReturnType<typeof toPlanned>>[] = [];
    for (const each of foreseen) steps.push(await toPlanned(each, measured, context));
    const refusals = foreseen.flatMap(({ problem }) => (problem === undefined ? [] : toProblem(problem)));
    const document = createRedactor(context.loaded.secrets).value({
      plan: name,
      point: point ?? null,
      steps,
      forecast,
      refusals,
    });
    const rows = document.steps.map(({ name: step, use, does, lastSeconds, repeat }) => [
      ...[step, use, lastSeconds === null ? '?' : `${lastSeconds} s`, repeat, does],
    ]);
    const table = toTable(['step', 'kind', 'took last', 'if interrupted', 'does'], rows);
    const brought = document.steps.flatMap(({ brings, name: step }) =>
      brings === null ? [] : `${step}: backup ${brings.backupId}, as of ${brings.upTo}, ${brings.ageSeconds} s ago`,
    );
    const unknown =
      forecast.unmeasured.length === 0
        ? ''
        : `, and what ${forecast.unmeasured.join(', ')} take, which no run has measured`;
    const obstacles =
      refusals.length === 0
        ? [`what stands in its way says: holdfast recovery check ${name}`]
        : toRefusalLines(document.refusals);
    const pointed = point === undefined ? [] : [toChosenText(point), ''];
    const lines = [...pointed, table, '', ...brought, `takes about ${forecast.seconds} s${unknown}`, ...obstacles];
    return { document, text: lines.join('\n'), exit: exitOfRefusals(refusals) };
  },
};

async function toPlanned(
  { step, missing, outputs }: ForeseenStep,
  measured: ReadonlyMap<string, Measured>,
  context: VerbContext,
) {
  const last = measured.get(step.name);
  const { backupId, snapshotAt } = outputs;
  return {
    ...{ name: step.name, use: step.use, does: workerOf(step).describe(step), always: step.always },
    repeat: kindOf(step).isRepeatable(step) ? 'repeated' : 'asks',
    /** Inputs that only the run brings about. */
    missing: [...missing],
    ...{ lastSeconds: last?.seconds ?? null, lastRun: last?.runId ?? null },
    brings:
      backupId === undefined || snapshotAt === undefined
        ? null
        : await toBrought({ step, backupId, snapshotAt }, context),
  };
}

interface Restored {
  readonly step: PlanStep;
  readonly backupId: string;
  readonly snapshotAt: string;
}

/** `upTo`: what would come back is as of then, the snapshot or an instant that archived changes reach. */
async function toBrought({ step, backupId, snapshotAt }: Restored, context: VerbContext) {
  const upTo = (step.use === 'restore' && (await reachedBy(step, context))) || snapshotAt;
  return { backupId, snapshotAt, upTo, ageSeconds: ageOf(upTo) };
}

async function reachedBy(
  { dataset, recovery }: StepOf<'restore'>,
  { installation, signal }: VerbContext,
): Promise<string | undefined> {
  if (recovery?.target.kind === 'time') return recovery.target.at;
  if (recovery?.target.kind !== 'latest') return undefined;
  const reach = await readReach(dataset, { repository: installation.primaryRepository(dataset), signal });
  return reach?.windows.at(-1)?.to.at ?? undefined;
}

const ageOf = (at: string): number => Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1_000));
