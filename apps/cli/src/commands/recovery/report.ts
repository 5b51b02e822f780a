import { Exit } from '#common/errors/exit.js';
import { toReport } from '#common/operations/plans/report/report.js';
import { createRedactor } from '#common/telemetry/redaction.js';
import { text } from '../../options.js';
import { toReportText } from '../../output/plan-run-text.js';
import { readRun } from '../../plans/run-journal.js';
import { runArgument, stateDirectory, stateOption, toRunId } from '../../plans/state-directory.js';
import { writeReport } from '../../plans/write-report.js';
import type { Verb } from '../../verb.js';

export const recoveryReport: Verb = {
  path: ['recovery', 'report'],
  summary:
    'show what a run of a plan did: times, backups, verdicts, what was lost; also as an HTML file and JSON, signed',
  argument: runArgument,
  options: [
    [
      '--to <directory>',
      'write report.html, which any browser shows, and report.json; signed where `recovery.signingKey` is set',
    ],
    stateOption,
  ],
  examples: ['recovery report last', 'recovery report last --to evidence', 'recovery report last --json'],
  async run(context, options, named) {
    const directory = stateDirectory(options, context);
    const { state } = readRun(directory, toRunId(named, directory));
    const report = createRedactor(context.loaded.secrets).value(toReport(state));
    const to = text(options, 'to');
    const files = to === undefined ? [] : await writeReport(report, to, context.installation.signingKey);
    const said = [toReportText(report), ...files.map((file) => `wrote ${file}`)].join('\n');
    return { document: report, text: said, exit: Exit.done };
  },
};
