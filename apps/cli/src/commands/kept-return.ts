import { Exit } from '#common/errors/exit.js';
import { settleKept } from '../local/kept-locally.js';
import { flag, requiredText } from '../options.js';
import type { Verb } from '../verb.js';

export const keptReturn: Verb = {
  path: ['kept', 'return'],
  summary:
    'put back in one step what a restore by `swap` put aside, and keep what is in its place now; without --yes only say what would be exchanged',
  argument: ['<target>', 'a restore target of the configuration'],
  options: [
    ['--name <name>', 'as `kept list` has it'],
    ['--yes', 'do it'],
  ],
  examples: ['kept return staging --name holdfast_kept_0198765432107fffbfffffffffffffff --yes'],
  async run(context, options, target) {
    const isPreview = !flag(options, 'yes');
    const kept = await settleKept(
      { target, name: requiredText(options, 'name'), what: 'bringBack', isPreview },
      context,
    );
    const what = `"${kept.destination}" of target ${target}`;
    const text = isPreview
      ? `${what} would be again what it was until ${kept.keptAt}; add --yes`
      : `${what} is again what it was until ${kept.keptAt}; what was in its place is kept as "${kept.name}"`;
    return { document: { target, ...kept, isPreview }, text, exit: Exit.done };
  },
};
