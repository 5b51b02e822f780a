import { assertDestinationAllowed } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { flag, requiredText, text } from '../options.js';
import type { Verb } from '../verb.js';

export const flushCache: Verb = {
  path: ['flush-cache'],
  summary:
    'empty a cache after a restore of what it was made from, all of it or by a pattern; without --yes only say what would go',
  argument: ['<target>', 'a restore target of the configuration'],
  options: [
    ['--destination <name>', 'what to empty: the number of a database, or all'],
    ['--pattern <pattern>', 'only what matches, by the rules of the store: session:*'],
    ['--yes', 'do it'],
  ],
  examples: [
    'flush-cache cache --destination 0',
    "flush-cache cache --destination 0 --pattern 'session:*' --yes",
    'flush-cache cache --destination all --yes',
  ],
  async run({ installation, output, signal }, options, name) {
    const kind = installation.targetKind(name);
    const destination = requiredText(options, 'destination');
    assertDestinationAllowed({ target: name, destination }, installation.targetRules(name));
    if (kind.flush === undefined)
      throw new AppError('request.refused', `target "${name}" is of kind ${kind.kind}, which is no cache`);
    const [isPreview, pattern] = [!flag(options, 'yes'), text(options, 'pattern')];
    const startedAt = performance.now();
    const removed = await kind.flush(installation.target(name), destination, {
      ...{ signal, pattern, isPreview },
      onProgress: (count) =>
        output.progress(`flush ${destination}, ${count} keys`, null, performance.now() - startedAt),
    });
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
