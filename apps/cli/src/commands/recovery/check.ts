import { runChecks } from '../../checks/check.js';
import { planChecks, withoutRepeats } from '../../checks/plan-checks.js';
import { toCheckResult } from '../../output/check-text.js';
import { pointOptions } from '../../plans/plan-point.js';
import type { Verb } from '../../verb.js';
import { planArgument } from './run.js';

export const recoveryCheck: Verb = {
  path: ['recovery', 'check'],
  summary: 'ask of each step of a plan what can be asked without harm: backups, keys, targets, rights, programs',
  argument: planArgument,
  options: [...pointOptions],
  examples: ['recovery check shop', 'recovery check shop --json'],
  async run(context, options, name) {
    return toCheckResult(await runChecks(withoutRepeats(await planChecks(name, context, options))));
  },
};
