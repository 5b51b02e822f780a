import { hostname } from 'node:os';
import { assertFits, assertOrders, type Orders } from '#common/operations/plans/decide-next.js';
import { known } from '#common/service/installation.js';
import { operatorName } from '../../operator-name.js';
import { list } from '../../options.js';
import { toRunResult } from '../../output/plan-run-text.js';
import { approvalOptions, toApprovals } from '../../plans/approvals.js';
import { toPointedPlan } from '../../plans/plan-point.js';
import { toPlannedSteps, toStepHeads } from '../../plans/planned-steps.js';
import { RunJournal } from '../../plans/run-journal.js';
import { runPlan } from '../../plans/run-plan.js';
import { runArgument, stateDirectory, stateOption, toRunId } from '../../plans/state-directory.js';
import type { Verb, VerbContext } from '../../verb.js';

export const recoveryResume: Verb = {
  path: ['recovery', 'resume'],
  summary:
    'go on with a run of a plan from the step that failed or was interrupted; the configuration may have been mended',
  argument: runArgument,
  options: [
    ...approvalOptions,
    ['--repeat <list>', 'do these steps again from their beginning, also those that may not be repeated by themselves'],
    ['--skip <list>', 'go on without these steps'],
    stateOption,
  ],
  examples: [
    'recovery resume last',
    'recovery resume last --repeat provision',
    'recovery resume last --skip provision',
  ],
  async run(context, options, named) {
    const directory = stateDirectory(options, context);
    const journal = await RunJournal.open(directory, toRunId(named, directory));
    try {
      const orders = { skip: list(options, 'skip') ?? [], repeat: list(options, 'repeat') ?? [] };
      const { outcome, begun } = journal.state;
      if (outcome === 'completed') {
        context.output.note(`run ${begun.runId} is completed: there is nothing to resume`);
        return toRunResult(journal.state);
      }
      const plan = toPointedPlan(known(context.installation.config.plans, begun.plan, 'plan'), begun.point);
      take(orders, journal, context);
      return toRunResult(await runPlan({ plan, journal, approvals: toApprovals(options) }, context));
    } finally {
      await journal.close();
    }
  },
};

/** Writes down that the run is resumed, and what the operator orders. Throws: plan.changed, request.invalid; then nothing is changed. */
function take(orders: Orders, journal: RunJournal, { installation }: VerbContext): void {
  const { plan: name } = journal.state.begun;
  const { steps } = known(installation.config.plans, name, 'plan');
  const planned = toPlannedSteps(steps);
  const by = operatorName();
  assertFits(planned, journal.state);
  assertOrders(orders, planned, journal.state);
  journal.append({ type: 'resumed', by, host: hostname(), steps: toStepHeads(steps) });
  for (const step of orders.skip) journal.append({ type: 'step-skipped', step, reason: `${by} left it out` });
  for (const step of orders.repeat) journal.append({ type: 'step-allowed', step, by });
}
