import { AppError } from '#common/errors/app-error.js';
import { operatorName } from '../../operator-name.js';
import { defineWorker } from '../step-worker.js';

export const approve = defineWorker('approve', {
  describe: ({ message }) => `asks the operator: ${message}`,
  checks: () => [],
  async run({ name, message }, { approvals, signal, runId }) {
    const by = operatorName();
    if (approvals.isGiven(name)) return toResult(by, 'on the command line');
    if (approvals.ask === undefined) {
      const hint = `Look at it, then \`holdfast recovery resume ${runId} --approve ${name}\`, at a terminal or not.`;
      throw new AppError(
        'plan.approval-missing',
        `step "${name}" asks an operator, and there is no terminal: ${message}`,
        {},
        { hint },
      );
    }
    const typed = await approvals.ask(`${message}\nType "${name}" to go on: `, signal);
    if (typed === name) return toResult(by, 'at the terminal');
    throw new AppError('plan.approval-missing', `step "${name}" was not approved: "${typed}" was typed`);
  },
});

const toResult = (by: string, how: string) => ({
  outputs: {},
  evidence: { approvedBy: by, how },
  said: `approved by ${by} ${how}`,
});
