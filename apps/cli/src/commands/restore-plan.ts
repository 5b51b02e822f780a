import { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { RestorePlan } from '#common/engines/postgres/restore/restore-plan.js';
import { previewRestore } from '#common/engines/postgres/restore/restore-preview.js';
import { toShortList } from '#common/errors/printable.js';
import { exitOfRefusals, toRefusalLines } from '#common/errors/refusals.js';
import { openManifest } from '#common/operations/open-manifest.js';
import { NAMES_PER_LINE, toFields } from '../output/table.js';
import { parseRestore, restoreOptions } from '../restore-arguments.js';
import type { Verb } from '../verb.js';

export const restorePlan: Verb = {
  path: ['restore', 'plan'],
  summary: 'show what a restore would drop, create and leave, and what stands in its way; changes nothing',
  argument: ['<backup>', 'an id, or DATASET@latest'],
  options: [...restoreOptions, ['--local', 'a plan needs neither bus nor catalog: the same with and without it']],
  examples: [
    'restore plan shop@latest --target staging',
    'restore plan shop@latest --target staging --strategy in-place --json',
  ],
  async run(context, options, reference) {
    const { damage, targetName, database, strategy, safetyDump, ...wish } = await parseRestore(
      reference,
      options,
      context,
    );
    const repository = context.installation.primaryRepository(wish.manifest.dataset);
    const manifest = await openManifest(wish.manifest, repository, context.signal);
    const target = context.installation.target(targetName);
    const question = { manifest, target, database, strategy, safetyDump };
    const plan = await previewRestore(question, new PgTools(), context.signal);
    return { document: { ...plan, damage }, text: toPlanText(plan), exit: exitOfRefusals(plan.refusals) };
  },
};

function toPlanText(plan: RestorePlan): string {
  const fields = toFields({
    database: `"${plan.database}" of target ${plan.target}, ${plan.databaseExists ? 'exists' : 'does not exist'}`,
    strategy: plan.strategy,
    'open sessions': String(plan.sessions),
    overwrites: toList(plan.overwritten),
    drops: toList(plan.dropped),
    creates: toList(plan.created),
    'leaves (newer)': toList(plan.newer),
    'leaves out': toList(plan.leftOut),
    'missing roles': toList(plan.missingRoles),
    'missing memberships': toList(plan.missingMemberships.map(({ member, role }) => `${member} in ${role}`)),
    'missing rights': toList(plan.missingRights),
    'missing extensions': toList(plan.missingExtensions),
    'missing tablespaces': toList(plan.missingTablespaces),
    'missing locales': toList(plan.missingLocales),
    'other locale': toList(plan.otherLocale),
    'tools here': Object.values(plan.tools).join(', ') || 'none that fit',
  });
  return [fields, '', ...toRefusalLines(plan.refusals)].join('\n');
}

const toList = (names: readonly string[]): string =>
  names.length === 0 ? 'none' : `${names.length}: ${toShortList(names, { limit: NAMES_PER_LINE })}`;
