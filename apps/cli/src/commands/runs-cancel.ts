import { isSettled } from '#common/domain/run.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { given, text } from '../options.js';
import type { Verb } from '../verb.js';

export const runsCancel: Verb = {
  path: ['runs', 'cancel'],
  summary: 'stop a run: its processes end, its uploads are aborted, nothing of it stays readable',
  argument: ['<run>', 'its id'],
  options: [['--reason <text>', 'for the audit trail']],
  examples: ["runs cancel 0f0e… --reason 'wrong target'"],
  async run(context, options, id) {
    const run = await context.api.run(id);
    if (isSettled(run.state)) throw new AppError('request.refused', `run ${id} has already ended: ${run.state}`);
    const request = await context.api.request('run.cancel-requested', {
      runId: run.id,
      ...given({ reason: text(options, 'reason') }),
    });
    return {
      document: { requestId: request.requestId, runId: run.id },
      text: `asked ${run.kind} ${id} to stop; see: holdfast runs show ${id} --wait`,
      exit: Exit.done,
    };
  },
};
