import { hostname } from 'node:os';
import { Instant } from '#common/contracts/names.js';
import { AppError } from '#common/errors/app-error.js';
import type { ChosenPoint } from '#common/operations/points/choose-point.js';
import { known } from '#common/service/installation.js';
import { holdfastVersion } from '#common/service/version.js';
import { newLocalId } from '../../local/local-identity.js';
import { operatorName } from '../../operator-name.js';
import { text } from '../../options.js';
import { toRunResult } from '../../output/plan-run-text.js';
import { approvalOptions, toApprovals } from '../../plans/approvals.js';
import { findPlanPoint, pointOptions, toPointedPlan } from '../../plans/plan-point.js';
import { toStepHeads } from '../../plans/planned-steps.js';
import { RunJournal } from '../../plans/run-journal.js';
import { runPlan } from '../../plans/run-plan.js';
import { stateDirectory, stateOption } from '../../plans/state-directory.js';
import type { Options, Verb } from '../../verb.js';

export const planArgument = ['<plan>', 'a plan of the configuration'] as const;

export const recoveryRun: Verb = {
  path: ['recovery', 'run'],
  summary:
    'run a recovery plan in this process: needs neither services, catalog nor bus; after a crash, `recovery resume` goes on',
  argument: planArgument,
  options: [
    ...approvalOptions,
    ['--disaster-at <instant>', 'when it happened, 2026-03-01T12:00:00+01:00: the report measures from then'],
    ...pointOptions,
    stateOption,
  ],
  examples: [
    'recovery run shop',
    'recovery run shop --disaster-at 2026-03-01T02:40:00Z --approve look-at-the-data',
    'recovery run whole-platform --at 2026-03-01T02:30:00Z',
  ],
  async run(context, options, name) {
    const { installation, output } = context;
    const configured = known(installation.config.plans, name, 'plan');
    const point = await findPlanPoint({ name, plan: configured }, options, context);
    const plan = toPointedPlan(configured, point);
    const directory = stateDirectory(options, context);
    const runId = newLocalId();
    const journal = await RunJournal.create(directory, {
      ...{ type: 'begun', version: 1, runId, plan: name, instance: installation.config.instance },
      ...{ by: operatorName(), host: hostname(), holdfastVersion, disasterAt: disasterAt(options) },
      steps: toStepHeads(plan.steps),
      ...(point && { point: toBegunPoint(point) }),
    });
    output.note(
      `run ${runId} of plan ${name}${point === undefined ? '' : `, as of ${point.at}`}, its journal in ${directory}; after a crash: holdfast recovery resume ${runId}`,
    );
    try {
      return toRunResult(await runPlan({ plan, journal, approvals: toApprovals(options) }, context));
    } finally {
      await journal.close();
    }
  },
};

const toBegunPoint = ({ point, at, skewMs, members }: ChosenPoint) => ({
  ...{ point, at, skewMs },
  members: members.map(({ dataset, backupId, recovery, snapshotAt, offsetMs }) => ({
    ...{ dataset, backupId, recovery, snapshotAt, offsetMs },
  })),
});

/** Throws: request.invalid. */
function disasterAt(options: Options): string | null {
  const said = text(options, 'disasterAt');
  if (said === undefined) return null;
  if (Instant.safeParse(said).success && Date.parse(said) <= Date.now()) return said;
  throw new AppError(
    'request.invalid',
    `--disaster-at must be an instant that has passed, with its UTC offset, not "${said}"`,
  );
}
