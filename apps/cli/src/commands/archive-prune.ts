import { Exit } from '#common/errors/exit.js';
import { expireArchive } from '#common/service/retention/apply-retention.js';
import { planRetention } from '#common/service/retention/plan-retention.js';
import { withCatalogAtHand } from '../local/catalog-at-hand.js';
import { eventWriterOf } from '../local/event-writer-of.js';
import { flag } from '../options.js';
import { toWalLines, toWalText } from '../output/retention-text.js';
import type { Verb } from '../verb.js';

export const archivePrune: Verb = {
  path: ['archive', 'prune'],
  summary: 'delete archived WAL that no backup needs, as a sweep does; without --yes only say how much',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: [
    ['--yes', 'delete it'],
    ['--local', 'ask the repository alone'],
  ],
  examples: ['archive prune shop', 'archive prune shop --yes'],
  run(context, options, dataset) {
    const { installation, signal } = context;
    installation.datasetConfig(dataset);
    const isAsked = flag(options, 'yes');
    return withCatalogAtHand({ isLocal: flag(options, 'local'), mustFollow: false }, context, async (catalog) => {
      const deps = { installation, catalog, now: () => new Date(), events: eventWriterOf(installation) };
      const { wal } = await planRetention(dataset, deps, signal);
      const removed = isAsked ? await expireArchive(dataset, deps, signal) : null;
      const text = [toWalText(wal), ...(removed === null ? ['add --yes to delete it'] : toWalLines(removed))].join(
        '\n',
      );
      return { document: { dataset, ...wal, removed }, text, exit: Exit.done };
    });
  },
};
