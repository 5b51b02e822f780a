import { targetChecks } from '../../checks/target-checks.js';
import { flushLocally } from '../../local/flush-locally.js';
import { defineWorker } from '../step-worker.js';

export const flushCache = defineWorker('flush-cache', {
  describe: ({ target, destination, pattern }) =>
    `empties "${destination}" of target ${target}${pattern === undefined ? '' : `, only ${pattern}`}`,
  checks: (step, context) => [
    ...targetChecks(step.target, context),
    {
      name: `step ${step.name}: what would be emptied`,
      run: async () => `${await flushLocally({ ...step, pattern: step.pattern, isPreview: true }, context)} keys`,
    },
  ],
  async run(step, context) {
    const removed = await flushLocally({ ...step, pattern: step.pattern, isPreview: false }, context);
    const said = `${removed} keys are gone from "${step.destination}" of target ${step.target}`;
    return { outputs: { removed: String(removed) }, evidence: { removed }, said };
  },
});
