import { Exit } from '#common/errors/exit.js';
import { planRetention, type RetentionPreview } from '#common/service/retention/plan-retention.js';
import { withCatalogAtHand } from '../local/catalog-at-hand.js';
import { flag, text } from '../options.js';
import { toPlanText } from '../output/retention-text.js';
import type { Verb } from '../verb.js';

export const retentionPlan: Verb = {
  path: ['retention', 'plan'],
  summary: 'show which backups are kept and which have expired, with the reason for each; changes nothing',
  options: [
    ['--dataset <name>', 'only of this dataset'],
    ['--local', 'ask the repository alone'],
  ],
  examples: ['retention plan --dataset shop', 'retention plan --local --json'],
  async run(context, options) {
    const { installation, signal } = context;
    const dataset = text(options, 'dataset');
    const names = dataset === undefined ? Object.keys(installation.config.datasets) : [dataset];
    for (const name of names) installation.datasetConfig(name);
    const plans = await withCatalogAtHand(
      { isLocal: flag(options, 'local'), mustFollow: false },
      context,
      async (catalog) => {
        const made: RetentionPreview[] = [];
        for (const name of names)
          made.push(await planRetention(name, { installation, catalog, now: () => new Date() }, signal));
        return made;
      },
    );
    return { document: { plans }, text: plans.map(toPlanText).join('\n\n'), exit: Exit.done };
  },
};
