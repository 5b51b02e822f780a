import { Exit } from '#common/errors/exit.js';
import { type RunReport, toReport } from '#common/operations/plans/report/report.js';
import type { RunState } from '#common/operations/plans/run-state.js';
import type { VerbResult } from '../verb-result.js';
import { toFields, toTable } from './table.js';

/** How a run of a plan ended. Only a completed one exits 0. */
export function toRunResult(state: RunState): VerbResult {
  const report = toReport(state);
  const exit = report.outcome === 'completed' ? Exit.done : Exit.failed;
  return { document: report, text: toReportText(report), exit };
}

export function toReportText(report: RunReport): string {
  const { runId, plan, outcome, restored, verdicts, rtoSeconds, rpoSeconds, disasterAt, point } = report;
  const from = disasterAt === null ? 'from the beginning of the run' : 'from the disaster';
  const fields = {
    plan: `${plan}: ${outcome}`,
    run: runId,
    ...(point === null ? {} : { 'recovery point': `${point.name} as of ${point.at}, skew ${point.skewSeconds} s` }),
    ...(rtoSeconds === null ? {} : { 'recovered in': `${rtoSeconds} s ${from}` }),
    ...(rpoSeconds === null ? {} : { 'lost at most': `${rpoSeconds} s` }),
  };
  const rows = report.steps.map(({ name, use, progress, attempts, seconds }) => [
    ...[name, use, progress, String(attempts), seconds === null ? '' : `${seconds} s`],
  ]);
  return [
    toFields(fields),
    '',
    toTable(['step', 'kind', 'state', 'tries', 'took'], rows),
    ...restored.map(
      ({ dataset, backupId, destination, target, upTo }) =>
        `${dataset}: backup ${backupId}, as of ${upTo}, in "${destination}" of target ${target}`,
    ),
    ...verdicts.map(({ step, verdict }) => `${step}: ${verdict}`),
    ...toNextLines(report),
  ].join('\n');
}

/** What an operator does next. */
function toNextLines({ runId, outcome, steps }: RunReport): string[] {
  const show = `holdfast recovery report ${runId} --to DIRECTORY`;
  if (outcome === 'completed') return [`show it: ${show}`];
  const open = steps.find(({ progress }) => progress === 'failed' || progress === 'begun');
  return [
    `go on${open === undefined ? '' : ` from ${open.name}`}: holdfast recovery resume ${runId}`,
    `show it: ${show}`,
  ];
}
