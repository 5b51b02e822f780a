import { followRun } from '../follow-run.js';
import { flag } from '../options.js';
import { runView } from '../output/run-text.js';
import type { Verb } from '../verb.js';

export const runsShow: Verb = {
  path: ['runs', 'show'],
  summary: 'show one run',
  argument: ['<run>', 'its id'],
  options: [['--wait', 'follow the run until it ends']],
  examples: ['runs show 0f0e…', 'runs show 0f0e… --wait'],
  async run(context, options, id) {
    return runView(flag(options, 'wait') ? await followRun(id, context) : await context.api.run(id));
  },
};
