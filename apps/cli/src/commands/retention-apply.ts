import { Exit } from '#common/errors/exit.js';
import { type AppliedRetention, applyRetention } from '#common/service/retention/apply-retention.js';
import { withCatalogAtHand } from '../local/catalog-at-hand.js';
import { eventWriterOf } from '../local/event-writer-of.js';
import { flag, text } from '../options.js';
import { toAppliedText } from '../output/retention-text.js';
import type { Verb } from '../verb.js';

export const retentionApply: Verb = {
  path: ['retention', 'apply'],
  summary: 'one sweep: mark what has expired, delete what was marked long enough ago, remove what dead attempts left',
  options: [
    ['--dataset <name>', 'only of this dataset'],
    ['--local', 'work on the repository alone; the catalog goes on naming what is deleted'],
  ],
  examples: ['retention apply', 'retention apply --dataset shop --json'],
  async run(context, options) {
    const { installation, signal } = context;
    const { config } = installation;
    const dataset = text(options, 'dataset');
    const names = dataset === undefined ? Object.keys(config.datasets) : [dataset];
    for (const name of names) installation.datasetConfig(name);
    const events = eventWriterOf(installation);
    const sweeps = await withCatalogAtHand(
      { isLocal: flag(options, 'local'), mustFollow: true },
      context,
      async (catalog) => {
        const made: AppliedRetention[] = [];
        const deps = { installation, catalog, events, now: () => new Date() };
        for (const name of names) {
          const { plan: _, ...applied } = await applyRetention(name, deps, signal);
          made.push(applied);
        }
        return made;
      },
    );
    const isRefused = sweeps.some(({ refusals }) => refusals.length > 0);
    const hasFailed = sweeps.some(({ backups }) => backups.some(({ outcome }) => outcome === 'failed'));
    return {
      document: { sweeps },
      text: sweeps.map(toAppliedText).join('\n\n'),
      exit: hasFailed ? Exit.failed : isRefused ? Exit.refused : Exit.done,
    };
  },
};
