import { toShortList } from '#common/errors/printable.js';
import { exitOfRefusals, toRefusalLines } from '#common/errors/refusals.js';
import { backupArgument } from '../backup-ref.js';
import { planRestore } from '../local/plan-restore.js';
import { NAMES_PER_LINE, toFields } from '../output/table.js';
import { parseRestore, restoreOptions } from '../restore-arguments.js';
import type { Verb } from '../verb.js';

export const restorePlan: Verb = {
  path: ['restore', 'plan'],
  summary: 'show what a restore would drop, create and leave, and what stands in its way; changes nothing',
  argument: backupArgument,
  options: [...restoreOptions, ['--local', 'a plan needs neither bus nor catalog: the same with and without it']],
  examples: [
    'restore plan shop@latest --target staging',
    'restore plan shop@latest --target staging --strategy in-place --json',
  ],
  async run(context, options, reference) {
    const wish = await parseRestore(reference, options, context);
    const { plan, driver } = await planRestore(wish, context);
    const lines = Object.entries(driver.describe(plan)).map(([label, said]) => [label, toText(said)] as const);
    const text = [toFields(Object.fromEntries(lines)), '', ...toRefusalLines(plan.refusals)].join('\n');
    return { document: { ...plan, damage: wish.damage }, text, exit: exitOfRefusals(plan.refusals) };
  },
};

function toText(said: string | readonly string[]): string {
  if (typeof said === 'string') return said;
  return said.length === 0 ? 'none' : `${said.length}: ${toShortList(said, { limit: NAMES_PER_LINE })}`;
}
