import { Exit } from '#common/errors/exit.js';
import { toUndoText } from '../output/undo-text.js';
import { undoBy, undoOptions } from '../undo-arguments.js';
import type { Verb } from '../verb.js';

export const undoPlan: Verb = {
  path: ['undo', 'plan'],
  summary:
    'compare live tables with how they were just before a moment: rows missing, changed, added since; changes nothing',
  argument: ['<dataset>', 'a PostgreSQL dataset whose WAL is archived'],
  options: undoOptions,
  examples: [
    'undo plan shop --target live --tables orders,order_lines --to-lsn 3/5A0D5060 --exclusive',
    'undo plan shop --target live --tables orders --where "customer_id = 17" --to-time 2026-03-01T14:05:00+01:00',
  ],
  async run(context, options, dataset) {
    const undone = await undoBy(dataset, options, { merge: false, context });
    return { document: { dataset, ...undone }, text: toUndoText(undone), exit: Exit.done };
  },
};
