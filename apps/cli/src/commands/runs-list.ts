import { Exit } from '#common/errors/exit.js';
import { text } from '../options.js';
import { toTable } from '../output/table.js';
import type { Verb } from '../verb.js';

export const runsList: Verb = {
  path: ['runs', 'list'],
  summary: 'list runs, newest first',
  options: [
    ['--dataset <name>', 'only of this dataset'],
    ['--kind <kind>', 'backup, restore, verification or replay'],
    ['--state <state>', 'queued, running, completed, failed or cancelled'],
  ],
  examples: ['runs list --state running', 'runs list --dataset shop --kind restore --json'],
  async run(context, options) {
    const filter = {
      dataset: text(options, 'dataset') ?? null,
      kind: text(options, 'kind') ?? null,
      state: text(options, 'state') ?? null,
    };
    const { runs } = await context.api.runs(filter);
    const rows = runs.map((run) => [
      run.id,
      run.kind,
      run.dataset,
      run.state,
      `${run.attempt}/${run.maxAttempts}`,
      run.createdAt,
      run.error?.code ?? '',
    ]);
    return {
      document: { runs },
      text: toTable(['run', 'kind', 'dataset', 'state', 'attempt', 'created', 'error'], rows),
      exit: Exit.done,
    };
  },
};
