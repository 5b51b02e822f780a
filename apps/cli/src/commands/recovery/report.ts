import { writeFile } from 'node:fs/promises';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { toText } from '#common/errors/printable.js';
import { toReport } from '#common/operations/plans/report/report.js';
import { toReportHtml } from '#common/operations/plans/report/report-html.js';
import { createRedactor } from '#common/telemetry/redaction.js';
import { text } from '../../options.js';
import { toReportText } from '../../output/plan-run-text.js';
import { readRun } from '../../plans/run-journal.js';
import { runArgument, stateDirectory, stateOption, toRunId } from '../../plans/state-directory.js';
import type { Verb } from '../../verb.js';

export const recoveryReport: Verb = {
  path: ['recovery', 'report'],
  summary: 'show what a run of a plan did: times, backups, verdicts, what was lost; as one HTML file, or as JSON',
  argument: runArgument,
  options: [['--html <file>', 'write it there as one file that any browser shows'], stateOption],
  examples: ['recovery report last', 'recovery report last --html report.html', 'recovery report last --json'],
  async run(context, options, named) {
    const directory = stateDirectory(options, context);
    const { state } = readRun(directory, toRunId(named, directory));
    const report = createRedactor(context.loaded.secrets).value(toReport(state));
    const file = text(options, 'html');
    if (file !== undefined) await writeHtml(file, toReportHtml(report));
    return { document: report, text: toReportText(report), exit: Exit.done };
  },
};

async function writeHtml(file: string, html: string): Promise<void> {
  try {
    await writeFile(file, html);
  } catch (error) {
    const why = toText((error as NodeJS.ErrnoException).code ?? error);
    throw new AppError('request.invalid', `--html: cannot write ${file}: ${why}`, {}, { cause: error });
  }
}
