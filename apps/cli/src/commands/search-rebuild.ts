import { Exit } from '#common/errors/exit.js';
import { toRebuildWish } from '#common/service/requests/rebuild-wish.js';
import { followRequest } from '../follow-run.js';
import { newLocalId } from '../local/local-identity.js';
import { type RebuildDocument, rebuildLocally, toRebuiltText } from '../local/rebuild-locally.js';
import { flag, requiredText, text } from '../options.js';
import type { Verb } from '../verb.js';

export const searchRebuild: Verb = {
  path: ['search', 'rebuild'],
  summary:
    'make search indexes anew from the database, beside those that search uses, and put them in their places in one step',
  argument: ['<dataset>', 'a dataset with `rebuild` in the configuration'],
  options: [
    ['--target <name>', 'a restore target of the configuration that accepts strategy replace'],
    ['--destination <name>', 'same, or a prefix; default: same'],
    ['--index <names>', 'only these, with commas between; default: all that `rebuild` names'],
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: [
    'search rebuild search --target search --wait',
    'search rebuild search --target search --index products,articles --local',
  ],
  async run(context, options, dataset) {
    const asked = {
      ...{ dataset, target: requiredText(options, 'target'), destination: text(options, 'destination') },
      parts: text(options, 'index')?.split(','),
    };
    toRebuildWish(asked, context.installation);
    if (flag(options, 'local')) {
      const rebuilt = await rebuildLocally(asked, { runId: newLocalId(), attempt: 1 }, context);
      return { document: rebuilt, text: toRebuiltText(rebuilt), exit: Exit.done };
    }
    const request = await context.api.request('reindex.requested', asked);
    if (!flag(options, 'wait')) {
      const said = `asked for a rebuild of ${dataset}; follow it with: holdfast runs show ${request.runId}`;
      return { document: request, text: said, exit: Exit.done };
    }
    const run = await followRequest(request, context);
    return { document: run, text: toRebuiltText(run.result as unknown as RebuildDocument), exit: Exit.done };
  },
};
