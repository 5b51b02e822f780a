import type { PlanConfig } from '#common/config/plans/plan.config.js';
import { RecoveryEndangered } from '#common/contracts/events/recovery-endangered.event.js';
import { RecoveryReassured } from '#common/contracts/events/recovery-reassured.event.js';
import type { PlanForecast, PlanProblem } from '#common/contracts/plan-forecast.js';
import { decideNews } from '#common/domain/evaluation.policy.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { toAppError, toProblem } from '#common/errors/app-error.js';
import type { Background } from '#common/service/background/background.js';
import { startPeriodicWork } from '#common/service/background/lease.js';
import { readDatasetPosition } from '#common/service/bus-positions.js';
import { loadPosition } from '#common/service/load-position.js';
import type { Service } from '#common/service/open-service.js';
import { createRedactor } from '#common/telemetry/redaction.js';
import { askProblems, askSteps, type CommandLine } from './command-line.js';
import { makeForecast } from './forecast.js';

export interface EvaluatingDeps
  extends Pick<Service, 'catalog' | 'events' | 'installation' | 'kafka' | 'logger' | 'owner' | 'secrets'> {
  readonly commandLine: CommandLine;
}

/** Every plan is asked now and then whether it would succeed, by one of all schedulers, as an operator would ask it. */
export function startEvaluating(d: EvaluatingDeps): Background {
  const { catalog, installation, logger, owner } = d;
  const { evaluateEveryMs, firstEvaluationAfterMs } = installation.config.scheduler;
  return startPeriodicWork({
    ...{ name: 'plan evaluation', catalog, owner, logger },
    ...{ everyMs: evaluateEveryMs, firstAfterMs: firstEvaluationAfterMs },
    work: (signal) => evaluatePlans(d, signal),
  });
}

/** Throws: catalog.unavailable; the abort reason. What a plan cannot be asked is a problem of that plan. */
export async function evaluatePlans(d: EvaluatingDeps, signal: AbortSignal): Promise<void> {
  const plans = Object.entries(d.installation.config.plans).filter(([, { evaluate }]) => evaluate);
  await d.catalog.transaction((tx) => tx.planEvaluations.forgetOthers(plans.map(([name]) => name)));
  for (const [name, plan] of plans) {
    const evaluated = await evaluate(name, plan, d, signal);
    signal.throwIfAborted();
    await record(name, evaluated, d);
  }
}

interface Evaluated {
  readonly problems: readonly PlanProblem[];
  readonly forecast: PlanForecast | null;
}

async function evaluate(name: string, plan: PlanConfig, d: EvaluatingDeps, signal: AbortSignal): Promise<Evaluated> {
  const { installation, catalog, kafka, logger, commandLine } = d;
  try {
    const problems = await askProblems(commandLine, name, signal);
    const steps = await askSteps(commandLine, name, signal);
    if (steps === undefined) return { problems, forecast: null };
    const forecast = await makeForecast(plan, steps, {
      ...{ catalog, installation },
      positionOf: (dataset, id) => loadPosition({ dataset, id }, d, signal),
      positionNow: (dataset) => readDatasetPosition(installation, kafka, dataset, signal),
    }).catch((error: unknown) => {
      logger.warn({ err: error, plan: name }, 'no forecast can be made');
      return null;
    });
    return { problems, forecast };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message, hint } = toProblem(toAppError(error));
    return { problems: [{ check: 'the evaluation itself', code, message, hint }], forecast: null };
  }
}

/** The row, with the event where there is news. */
async function record(
  plan: string,
  evaluated: Evaluated,
  { catalog, events, logger, secrets }: EvaluatingDeps,
): Promise<void> {
  const { problems, forecast } = createRedactor(secrets).value(evaluated);
  const wouldSucceed = problems.length === 0;
  const news = await catalog.transaction(async (tx) => {
    const before = await tx.planEvaluations.find(plan);
    const found = decideNews(before, { wouldSucceed, problems });
    const row = await tx.planEvaluations.record({ plan, wouldSucceed, problems, forecast }, found !== undefined);
    const origin = { id: toUuidV5('evaluation', events.source, plan, row.since.toISOString(), String(row.revision)) };
    const evaluatedAt = row.evaluatedAt.toISOString();
    if (found === 'endangered')
      await events.write(tx, RecoveryEndangered, { plan, problems: [...problems], forecast, evaluatedAt }, origin);
    if (found === 'reassured' && before !== undefined) {
      const endangeredSince = before.since.toISOString();
      await events.write(tx, RecoveryReassured, { plan, forecast, endangeredSince, evaluatedAt }, origin);
    }
    return found;
  });
  if (news === 'endangered') logger.error({ plan, problems }, 'recovery plan would fail if it were needed now');
  if (news === 'reassured') logger.info({ plan, forecast }, 'recovery plan would succeed again');
}
