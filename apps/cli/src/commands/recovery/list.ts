import type { PlanEvaluationView } from '#common/contracts/api-views.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { toReport } from '#common/operations/plans/report/report.js';
import { toTable } from '../../output/table.js';
import { listRuns, stateDirectory, stateOption } from '../../plans/state-directory.js';
import type { Verb, VerbContext } from '../../verb.js';

export const recoveryList: Verb = {
  path: ['recovery', 'list'],
  summary:
    'show the recovery plans of the configuration, whether each would succeed now and what it would take and lose, and their runs, the newest first',
  options: [stateOption],
  examples: ['recovery list', 'recovery list --state /var/lib/holdfast/recovery --json'],
  async run(context, options) {
    const directory = stateDirectory(options, context);
    const plans = Object.entries(context.installation.config.plans).map(([name, { summary, steps }]) => ({
      ...{ name, summary: summary ?? null, steps: steps.map((step) => step.name) },
    }));
    const { runs, unread } = listRuns(directory);
    const reports = runs.map(toReport);
    const evaluations = await findEvaluations(context);
    const planRows = plans.map(({ name, steps, summary }) => [
      ...[
        name,
        String(steps.length),
        ...toForecastCells(evaluations?.find(({ plan }) => plan === name)),
        summary ?? '',
      ],
    ]);
    const runRows = reports.map(({ runId, plan, outcome, begunAt, rtoSeconds }) => [
      ...[runId, plan, outcome, begunAt, rtoSeconds === null ? '' : `${rtoSeconds} s`],
    ]);
    const text = [
      toTable(['plan', 'steps', 'would succeed', 'takes', 'loses', 'replays', 'summary'], planRows),
      '',
      toTable(['run', 'plan', 'outcome', 'begun', 'took'], runRows),
      ...unread.map(({ runId, why }) => `run ${runId} cannot be read: ${why}`),
    ];
    const told = reports.map(({ runId, plan, outcome, begunAt, until }) => ({ runId, plan, outcome, begunAt, until }));
    return {
      document: { plans, evaluations: evaluations ?? null, directory, runs: told, unread },
      text: text.join('\n'),
      exit: Exit.done,
    };
  },
};

/** As a scheduler found them last; undefined where none answers. */
async function findEvaluations({
  api,
  installation,
  output,
}: VerbContext): Promise<readonly PlanEvaluationView[] | undefined> {
  if (installation.config.api === undefined || Object.keys(installation.config.plans).length === 0) return undefined;
  try {
    return (await api.plans()).plans;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    output.note(`${error.message}; whether plans would succeed says \`holdfast recovery check\``);
    return undefined;
  }
}

/** `yes since …`, `23 s`, `4 s`, `312 events` */
function toForecastCells(evaluation: PlanEvaluationView | undefined): string[] {
  if (evaluation === undefined) return ['not evaluated', '', '', ''];
  const { wouldSucceed, since, problems, forecast } = evaluation;
  const answer = wouldSucceed ? `yes, since ${since}` : `NO, since ${since}: ${problems[0]?.message ?? ''}`;
  if (forecast === null) return [answer, '?', '?', '?'];
  const { rtoSeconds, unmeasured, rpoSeconds, eventsToReplay } = forecast;
  const takes = `${rtoSeconds} s${unmeasured.length === 0 ? '' : ` and ${unmeasured.length} unmeasured`}`;
  const loses = rpoSeconds === null ? '' : `${rpoSeconds} s`;
  return [answer, takes, loses, eventsToReplay === null ? '' : `${eventsToReplay} events`];
}
