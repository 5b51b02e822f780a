import { Exit } from '#common/errors/exit.js';
import { toCoverageTable } from '../output/drill-text.js';
import type { Verb } from '../verb.js';

export const drillList: Verb = {
  path: ['drill', 'list'],
  summary: 'show of every dataset and method when a drill proved it last, how fast, and what was never proven',
  options: [],
  examples: ['drill list', 'drill list --json'],
  async run({ api }) {
    const document = await api.drills();
    return { document, text: toCoverageTable(document.drills), exit: Exit.done };
  },
};
