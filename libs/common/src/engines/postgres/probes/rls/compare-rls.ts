import type { TableFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { comparePolicies } from './compare-policies.js';

export type GuardedTable = Pick<TableFacts, 'name' | 'rls'>;

/** Row-level security of every table of the backup: enabled, forced and policies as before, and none that came from nowhere. */
export function compareRls(expected: readonly GuardedTable[], actual: readonly GuardedTable[]): Evidence[] {
  const found = new Map(actual.map((table) => [table.name, table]));
  return expected.flatMap((table): Evidence[] => {
    const other = found.get(table.name);
    if (other === undefined) {
      return isGuarded(table) ? [{ subject: table.name, problem: 'the tenant table is missing' }] : [];
    }
    return [...compareSwitches(table, other), ...comparePolicies(table.name, table.rls.policies, other.rls.policies)];
  });
}

/** Tenant tables by configuration that stand open, in the restored database and perhaps long before. */
export function findUnguarded(
  tenantTables: readonly string[],
  expected: readonly GuardedTable[],
  actual: readonly GuardedTable[],
): Evidence[] {
  const before = new Map(expected.map((table) => [table.name, table.rls.enabled]));
  const now = new Map(actual.map((table) => [table.name, table.rls.enabled]));
  return tenantTables
    .filter((name) => now.get(name) !== true && before.get(name) !== true)
    .map((name) => {
      const since = before.has(name) ? ', as it already was in the backup' : '';
      return { subject: name, problem: `the tenant table has no row-level security${since}` };
    });
}

export const isGuarded = ({ rls }: GuardedTable): boolean => rls.enabled || rls.forced || rls.policies.length > 0;

function compareSwitches({ name, rls }: GuardedTable, actual: GuardedTable): Evidence[] {
  const differences: Evidence[] = [];
  if (rls.enabled !== actual.rls.enabled) {
    const problem = rls.enabled ? 'row-level security is off' : 'row-level security is on and was off';
    differences.push({ subject: name, expected: rls.enabled, actual: actual.rls.enabled, problem });
  }
  if (rls.forced !== actual.rls.forced) {
    const problem = rls.forced
      ? 'row-level security is no longer forced: the owner sees every row'
      : 'row-level security is forced and was not';
    differences.push({ subject: name, expected: rls.forced, actual: actual.rls.forced, problem });
  }
  return differences;
}
