import { toRebuildWish } from '#common/service/requests/rebuild-wish.js';
import { targetChecks } from '../../checks/target-checks.js';
import { rebuildLocally, toRebuiltText } from '../../local/rebuild-locally.js';
import { defineWorker } from '../step-worker.js';

export const reindex = defineWorker('reindex', {
  describe: ({ dataset, target, parts }) =>
    `makes ${parts === undefined ? 'the indexes' : parts.join(', ')} of dataset ${dataset} anew on target ${target}`,
  checks: (step, context) => [
    ...targetChecks(step.target, context),
    {
      name: `step ${step.name}: what would be made`,
      run: async () => toRebuildWish(step, context.installation).parts.join(', '),
    },
  ],
  async run(step, context) {
    const { runId, attempt } = context;
    const rebuilt = await rebuildLocally(step, { runId, attempt }, context);
    const documents = rebuilt.parts.reduce((sum, part) => sum + part.documents, 0);
    const { target, destination } = rebuilt;
    const evidence = { target, destination, parts: rebuilt.parts.map((part) => ({ ...part })) };
    return { outputs: { documents: String(documents) }, evidence, said: toRebuiltText(rebuilt) };
  },
});
