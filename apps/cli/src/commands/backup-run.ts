import { Exit } from '#common/errors/exit.js';
import { followRequest } from '../follow-run.js';
import { backupLocally } from '../local/backup-locally.js';
import { flag } from '../options.js';
import { runView } from '../output/run-text.js';
import type { Verb } from '../verb.js';

export const backupRun: Verb = {
  path: ['backup', 'run'],
  summary: 'back up one dataset now',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: [
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: ['backup run shop --wait', 'backup run shop --local --json'],
  async run(context, options, dataset) {
    context.installation.datasetConfig(dataset);
    if (flag(options, 'local')) return backupLocally(dataset, context);
    const request = await context.api.request('backup.requested', { dataset });
    if (flag(options, 'wait')) return runView(await followRequest(request, context));
    return {
      document: request,
      text: `asked for a backup of ${dataset}; follow it with: holdfast runs show ${request.runId}`,
      exit: Exit.done,
    };
  },
};
