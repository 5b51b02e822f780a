import { Exit } from '#common/errors/exit.js';
import { text } from '../options.js';
import { toRunListText } from '../output/run-list-text.js';
import type { Verb } from '../verb.js';

export const runsList: Verb = {
  path: ['runs', 'list'],
  summary: 'list runs, newest first; queued ones in the order of their turn',
  options: [
    ['--dataset <name>', 'only of this dataset'],
    ['--kind <kind>', 'backup, restore, verification, replay, reindex, drill or point'],
    ['--state <state>', 'queued, running, completed, failed or cancelled'],
    ['--limit <n>', 'so many at most, up to 1000 (default: 50)'],
  ],
  examples: [
    'runs list --state running',
    'runs list --state queued --limit 10',
    'runs list --dataset shop --kind restore --json',
  ],
  async run(context, options) {
    const state = text(options, 'state') ?? null;
    const list = await context.api.runs({
      ...{ dataset: text(options, 'dataset') ?? null, kind: text(options, 'kind') ?? null, state },
      ...{ limit: text(options, 'limit') ?? null, order: state === 'queued' ? 'queue' : null },
    });
    return { document: list, text: toRunListText(list), exit: Exit.done };
  },
};
