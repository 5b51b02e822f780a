import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import type { RestorePlan } from './restore-plan.js';

type Findings = Omit<RestorePlan, 'refusals'>;

/** By what it holds, because a catalog can be reached under more names of its host than a configuration can list. */
const CATALOG_MARK = 'holdfast.migrations';

/** Why a restore would not go ahead, the most important reason first. */
export function toRefusals(
  plan: Findings,
  facts: SnapshotFacts,
  { missingRoles }: PostgresTarget,
  serverMajor: number,
): string[] {
  const { strategy, database } = plan;
  const refusals: string[] = [];
  if (strategy === 'new' && plan.databaseExists) refusals.push(`database "${database}" exists already`);
  if (strategy === 'in-place' && !plan.databaseExists) refusals.push(`there is no database "${database}"`);
  if ([...plan.newer, ...plan.overwritten].includes(CATALOG_MARK))
    refusals.push(`database "${database}" holds a catalog of Holdfast, which no restore may write to`);
  if (plan.missingRoles.length > 0 && missingRoles === 'refuse')
    refusals.push(`the server lacks the roles ${plan.missingRoles.join(', ')}`);
  if (plan.missingExtensions.length > 0)
    refusals.push(`the server lacks the extensions ${plan.missingExtensions.join(', ')}`);
  if (strategy === 'new' && facts.localeProvider === 'builtin' && serverMajor < 17)
    refusals.push(`the server (PostgreSQL ${serverMajor}) lacks the builtin locale provider`);
  refusals.push(...plan.missingRights);
  refusals.push(
    ...plan.blockers.map(({ object, dependent }) => `${dependent} depends on ${object} and is not in the backup`),
  );
  return refusals;
}

/** Throws: restore.database-exists, restore.database-missing, restore.roles-missing, postgres.permission, restore.blocked. */
export function assertPossible(plan: RestorePlan, { name, missingRoles }: PostgresTarget): void {
  if (plan.refusals.length === 0) return;
  const shown = plan.refusals.slice(0, 5).join('; ');
  const rest = plan.refusals.length > 5 ? ` and ${plan.refusals.length - 5} more reasons` : '';
  throw new AppError(toCode(plan, missingRoles), `target "${name}": ${shown}${rest}`, {
    refusals: plan.refusals.slice(0, 50),
  });
}

function toCode(plan: RestorePlan, missingRoles: PostgresTarget['missingRoles']): Code {
  if (plan.strategy === 'new' && plan.databaseExists) return 'restore.database-exists';
  if (plan.strategy === 'in-place' && !plan.databaseExists) return 'restore.database-missing';
  if (plan.missingRoles.length > 0 && missingRoles === 'refuse') return 'restore.roles-missing';
  if (plan.missingRights.length > 0) return 'postgres.permission';
  return 'restore.blocked';
}
