import type { Check } from '#common/engines/check.js';
import { runChecks } from '../checks/check.js';
import { datasetChecks } from '../checks/dataset-checks.js';
import { busChecks, catalogCheck } from '../checks/installation-checks.js';
import { planChecks, withoutRepeats } from '../checks/plan-checks.js';
import { deletionCheck, lockCheck } from '../checks/protection-check.js';
import { encryptionCheck, indexCheck, repositoryCheck } from '../checks/repository-check.js';
import { scheduleCheck } from '../checks/schedule-check.js';
import { targetChecks } from '../checks/target-checks.js';
import { text } from '../options.js';
import { toCheckResult } from '../output/check-text.js';
import type { Verb, VerbContext } from '../verb.js';

export const check: Verb = {
  path: ['check'],
  summary: 'try every connection, right, tool, topic and bucket, and say what to do about each that is wrong',
  options: [['--dataset <name>', 'only this dataset, its repositories and its schedules']],
  examples: ['check', 'check --dataset shop --json'],
  async run(context, options) {
    const dataset = text(options, 'dataset');
    const checks = toChecks(dataset, context);
    const ofPlans = dataset === undefined ? await checksOfPlans(context) : [];
    return toCheckResult(await runChecks(withoutRepeats([...checks, ...ofPlans])));
  },
};

/** What others need stands before them. */
function toChecks(dataset: string | undefined, context: VerbContext): Check[] {
  const { config } = context.installation;
  if (dataset !== undefined) {
    const { repositories } = context.installation.datasetConfig(dataset);
    const schedules = Object.keys(config.schedules).filter((name) => config.schedules[name]?.dataset === dataset);
    return [
      ...repositories.flatMap((name) => ofRepository(name, context)),
      ...datasetChecks(dataset, context),
      ...schedules.map((name) => scheduleCheck(name, context)),
    ];
  }
  return [
    ...catalogCheck(context),
    ...busChecks(context),
    ...Object.keys(config.repositories).flatMap((name) => ofRepository(name, context)),
    ...Object.keys(config.datasets).flatMap((name) => datasetChecks(name, context)),
    ...context.installation.scheduleNames().map((name) => scheduleCheck(name, context)),
    ...Object.keys(config.targets).flatMap((name) => targetChecks(name, context)),
  ];
}

async function checksOfPlans(context: VerbContext): Promise<Check[]> {
  const checks: Check[] = [];
  for (const name of Object.keys(context.installation.config.plans)) checks.push(...(await planChecks(name, context)));
  return checks;
}

const ofRepository = (name: string, context: VerbContext): Check[] => [
  repositoryCheck(name, context),
  deletionCheck(name, context),
  lockCheck(name, context),
  encryptionCheck(name, context),
  indexCheck(name, context),
];
