import { Exit } from '#common/errors/exit.js';
import { flushLocally } from '../local/flush-locally.js';
import { flag, requiredText, text } from '../options.js';
import type { Verb } from '../verb.js';

export const flushCache: Verb = {
  path: ['flush-cache'],
  summary:
    'empty a cache after a restore of what it was made from, all of it or by a pattern; without --yes only say what would go',
  argument: ['<target>', 'a restore target of the configuration'],
  options: [
    ['--destination <name>', 'what to empty: the number of a database, or all'],
    ['--pattern <pattern>', 'only what matches, by the rules of the server: session:*'],
    ['--yes', 'do it'],
  ],
  examples: [
    'flush-cache cache --destination 0',
    "flush-cache cache --destination 0 --pattern 'session:*' --yes",
    'flush-cache cache --destination all --yes',
  ],
  async run(context, options, name) {
    const destination = requiredText(options, 'destination');
    const [isPreview, pattern] = [!flag(options, 'yes'), text(options, 'pattern')];
    const removed = await flushLocally({ target: name, destination, pattern, isPreview }, context);
    const place = `"${destination}" of target ${name}`;
    const said = isPreview
      ? `${removed} keys would go from ${place}; add --yes`
      : `${removed} keys are gone from ${place}`;
    return {
      document: { target: name, destination, pattern: pattern ?? null, removed, isPreview },
      text: said,
      exit: Exit.done,
    };
  },
};
