import type { RestorePlan } from '#common/engines/postgres/restore/restore-plan.js';
import { previewRestore } from '#common/engines/postgres/restore/restore-preview.js';
import { Exit } from '#common/errors/exit.js';
import { toFields } from '../output/table.js';
import { parseRestore, restoreOptions } from '../restore-arguments.js';
import type { Verb } from '../verb.js';

export const restorePlan: Verb = {
  path: ['restore', 'plan'],
  summary: 'show what a restore would drop, create and leave, and what stands in its way; changes nothing',
  argument: ['<backup>', 'an id, or DATASET@latest'],
  options: restoreOptions,
  examples: [
    'restore plan shop@latest --target staging',
    'restore plan shop@latest --target staging --strategy in-place --json',
  ],
  async run(context, options, reference) {
    const { manifest, targetName, database, strategy } = await parseRestore(reference, options, context);
    const target = context.installation.target(targetName);
    const plan = await previewRestore({ manifest, target, database, strategy }, context.signal);
    return { document: plan, text: toPlanText(plan), exit: plan.refusals.length === 0 ? Exit.done : Exit.refused };
  },
};

const SHOWN = 10;

function toPlanText(plan: RestorePlan): string {
  const fields = toFields({
    database: `"${plan.database}" of target ${plan.target}, ${plan.databaseExists ? 'exists' : 'does not exist'}`,
    strategy: plan.strategy,
    'open sessions': String(plan.sessions),
    overwrites: toList(plan.overwritten),
    drops: toList(plan.dropped),
    creates: toList(plan.created),
    'leaves (newer)': toList(plan.newer),
    'missing roles': toList(plan.missingRoles),
    'missing rights': toList(plan.missingRights),
    'missing extensions': toList(plan.missingExtensions),
  });
  const verdict =
    plan.refusals.length === 0 ? ['nothing stands in the way'] : plan.refusals.map((refusal) => `refused: ${refusal}`);
  return [fields, '', ...verdict].join('\n');
}

function toList(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const rest = names.length - SHOWN;
  return `${names.length}: ${names.slice(0, SHOWN).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
