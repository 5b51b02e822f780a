import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { followRequest } from '../follow-run.js';
import { backupLocally } from '../local/backup-locally.js';
import { deadline, flag, given, text } from '../options.js';
import { runView } from '../output/run-text.js';
import type { Verb, VerbContext } from '../verb.js';

export const backupRun: Verb = {
  path: ['backup', 'run'],
  summary: 'back up one dataset now',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: [
    ['--method <name>', 'how; default: the first method of the dataset’s kind'],
    ['--deadline <when>', 'cancel it then: how long from now, 6h, or an instant; it is tried again until then'],
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: [
    'backup run shop --wait',
    'backup run shop --method dump --deadline 2h --wait',
    'backup run shop --local --json',
  ],
  async run(context, options, dataset) {
    const asked = text(options, 'method');
    const method = context.installation.method(dataset, asked);
    const at = deadline(options, new Date());
    if (flag(options, 'local')) {
      return backupLocally({ name: dataset, method }, at === undefined ? context : untilDeadline(at, context));
    }
    const data = { dataset, ...given({ method: asked, deadlineAt: at?.toISOString() }) };
    const request = await context.api.request('backup.requested', data);
    if (flag(options, 'wait')) return runView(await followRequest(request, context));
    return {
      document: request,
      text: `asked for a backup of ${dataset}; follow it with: holdfast runs show ${request.runId}`,
      exit: Exit.done,
    };
  },
};

function untilDeadline(at: Date, context: VerbContext): VerbContext {
  const overdue = new AbortController();
  const end = (): void =>
    overdue.abort(new AppError('run.overdue', `the backup did not end before ${at.toISOString()}`));
  setTimeout(end, at.getTime() - Date.now()).unref();
  return { ...context, signal: AbortSignal.any([context.signal, overdue.signal]) };
}
