import { Exit } from '#common/errors/exit.js';
import { toUndoText } from '../output/undo-text.js';
import { undoBy, undoOptions } from '../undo-arguments.js';
import type { Verb } from '../verb.js';

export const undoRun: Verb = {
  path: ['undo', 'run'],
  summary:
    'bring rows back into live tables as they were just before a moment, in one transaction; what was added since stays',
  argument: ['<dataset>', 'a PostgreSQL dataset whose WAL is archived'],
  options: undoOptions,
  examples: ['undo run shop --target live --tables orders,order_lines --to-lsn 3/5A0D5060 --exclusive'],
  async run(context, options, dataset) {
    const undone = await undoBy(dataset, options, { merge: true, context });
    return { document: { dataset, ...undone }, text: toUndoText(undone), exit: Exit.done };
  },
};
