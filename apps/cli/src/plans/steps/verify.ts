import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { loadManifest } from '../../backup-ref.js';
import { verifyLocally } from '../../local/verify-locally.js';
import type { VerdictDocument } from '../../output/verdict-text.js';
import { defineWorker } from '../step-worker.js';
import { toReference } from './restore.js';

export const verify = defineWorker('verify', {
  describe: ({ profile, target, destination }) => `proves "${destination}" of target ${target} by profile ${profile}`,
  checks: ({ name, profile, dataset }, { installation }) => [
    {
      name: `step ${name}: profile`,
      run: async () => `${installation.profile(profile, dataset).probes.length} probes fit dataset ${dataset}`,
    },
  ],
  async run({ dataset, backup, target, destination, profile }, context) {
    const manifest = await loadManifest(toReference(dataset, backup), context);
    const { document, exit } = await verifyLocally({ manifest, target, destination, profile }, context);
    const { verdict, probes, verdictKey } = document as VerdictDocument;
    const lines = probes.map((each) => `${each.probe} ${each.verdict}: ${each.summary}`);
    if (exit !== Exit.done) {
      const problems = probes.flatMap(({ probe, evidence }) =>
        evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${probe}: ${subject}: ${problem}`])),
      );
      const found = [...lines, ...problems];
      throw new AppError('plan.unproven', `the verdict on "${destination}" of target ${target} is ${verdict}`, {
        found,
      });
    }
    const evidence = { verdict, profile, target, destination, backupId: manifest.backupId, verdictKey, probes: lines };
    return { outputs: { verdict }, evidence, said: `verdict: ${verdict} (${lines.length} probes)` };
  },
});
