import { Exit } from '#common/errors/exit.js';
import { toReport } from '#common/operations/plans/report/report.js';
import { toTable } from '../../output/table.js';
import { listRuns, stateDirectory, stateOption } from '../../plans/state-directory.js';
import type { Verb } from '../../verb.js';

export const recoveryList: Verb = {
  path: ['recovery', 'list'],
  summary: 'show the recovery plans of the configuration, and their runs, the newest first',
  options: [stateOption],
  examples: ['recovery list', 'recovery list --state /var/lib/holdfast/recovery --json'],
  async run(context, options) {
    const directory = stateDirectory(options, context);
    const plans = Object.entries(context.installation.config.plans).map(([name, { summary, steps }]) => ({
      ...{ name, summary: summary ?? null, steps: steps.map((step) => step.name) },
    }));
    const { runs, unread } = listRuns(directory);
    const reports = runs.map(toReport);
    const planRows = plans.map(({ name, steps, summary }) => [name, String(steps.length), summary ?? '']);
    const runRows = reports.map(({ runId, plan, outcome, begunAt, rtoSeconds }) => [
      ...[runId, plan, outcome, begunAt, rtoSeconds === null ? '' : `${rtoSeconds} s`],
    ]);
    const text = [
      toTable(['plan', 'steps', 'summary'], planRows),
      '',
      toTable(['run', 'plan', 'outcome', 'begun', 'took'], runRows),
      ...unread.map(({ runId, why }) => `run ${runId} cannot be read: ${why}`),
    ];
    const told = reports.map(({ runId, plan, outcome, begunAt, until }) => ({ runId, plan, outcome, begunAt, until }));
    return { document: { plans, directory, runs: told, unread }, text: text.join('\n'), exit: Exit.done };
  },
};
