import { Exit } from '#common/errors/exit.js';
import { settleKept } from '../local/kept-locally.js';
import { flag, requiredText } from '../options.js';
import type { Verb } from '../verb.js';

export const keptRelease: Verb = {
  path: ['kept', 'release'],
  summary: 'remove for good what a restore by `swap` put aside; without --yes only say what would go',
  argument: ['<target>', 'a restore target of the configuration'],
  options: [
    ['--name <name>', 'as `kept list` has it'],
    ['--yes', 'do it'],
  ],
  examples: ['kept release staging --name holdfast_kept_0198765432107fffbfffffffffffffff --yes'],
  async run(context, options, target) {
    const isPreview = !flag(options, 'yes');
    const kept = await settleKept({ target, name: requiredText(options, 'name'), what: 'release', isPreview }, context);
    const what = `"${kept.name}" of target ${target}, which was "${kept.destination}" until ${kept.keptAt}`;
    const text = isPreview ? `${what}, would be removed; add --yes` : `${what}, is removed`;
    return { document: { target, ...kept, isPreview }, text, exit: Exit.done };
  },
};
