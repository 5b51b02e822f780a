import type { Evidence } from '#common/domain/verdict.js';
import { configured, type Sql, sql } from '#common/pg/sql.js';
import type { EvidenceLog } from './evidence.js';
import type { TenantFunction } from './rls-params.js';
import type { TenantRelation } from './tenant-relations.js';
import { isMissingPrivilege, type TenantTrials } from './tenant-trial.js';

export interface TenantRows {
  readonly tenant: string;
  readonly rows: number;
}

export interface BehaviourLog {
  readonly problems: EvidenceLog;
  readonly unclear: EvidenceLog;
  /** Relations that the role may not read: nothing was shown about them. */
  readonly unreadable: Set<string>;
  trials: number;
}

/** Tenants with most rows first. */
export const TENANT_ROWS = ({ from, column }: TenantRelation): Sql =>
  sql`SELECT ${column}::text AS tenant, count(*)::int AS rows FROM ${from}
   WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $1`;

const OWN_AND_OTHERS = ({ from, column }: TenantRelation): Sql =>
  sql`SELECT count(*) FILTER (WHERE ${column}::text = $1)::int AS own,
          count(*) FILTER (WHERE ${column}::text <> $1)::int AS others
   FROM ${from}`;

const ANY_ROW = ({ from, column }: TenantRelation): Sql =>
  sql`SELECT count(*)::int AS rows FROM (SELECT FROM ${from} WHERE ${column} IS NOT NULL LIMIT 1) one`;

/** As a tenant: all of the tenant's rows, and none of anybody else's. */
export async function checkOwnRows(
  trials: TenantTrials,
  relation: TenantRelation,
  tenants: readonly TenantRows[],
  { role, log }: { readonly role: string; readonly log: BehaviourLog },
): Promise<void> {
  for (const { tenant, rows } of tenants) {
    const subject = `${relation.label} as tenant ${tenant}`;
    const seen = await trials.try<{ own: number; others: number }>({ role, tenant }, OWN_AND_OTHERS(relation), [
      tenant,
    ]);
    if ('error' in seen) {
      if (isMissingPrivilege(seen.error)) log.unreadable.add(relation.label);
      else log.problems.add({ subject, problem: `cannot be read: ${seen.error.message}` });
      return;
    }
    log.trials += 1;
    const { own, others } = seen.rows[0] ?? { own: 0, others: 0 };
    if (others > 0) {
      log.problems.add({ subject, expected: 0, actual: others, problem: 'rows of other tenants are visible' });
    }
    if (own !== rows) {
      log.problems.add({ subject, expected: rows, actual: own, problem: 'not all of its own rows are visible' });
    }
  }
}

/** Without a tenant: nothing. A policy that then raises an error shows nothing either. */
export async function checkNoTenant(
  trials: TenantTrials,
  relation: TenantRelation,
  tenant: undefined | '',
  { role, log }: { readonly role: string; readonly log: BehaviourLog },
): Promise<void> {
  const seen = await trials.try<{ rows: number }>({ role, tenant }, ANY_ROW(relation));
  if ('error' in seen) {
    if (isMissingPrivilege(seen.error)) log.unreadable.add(relation.label);
    return;
  }
  log.trials += 1;
  if ((seen.rows[0]?.rows ?? 0) === 0) return;
  const how = tenant === '' ? 'with an empty tenant' : 'without a tenant';
  log.problems.add({ subject: `${relation.label} ${how}`, expected: 0, problem: 'rows are visible' });
}

/**
 * What an administrator counts for a tenant. Views and functions may run with their owner's rights, whom policies bind: there the
 * tenant is set as well.
 */
export async function countOwnRows(
  trials: TenantTrials,
  relation: TenantRelation,
  tenant: string,
): Promise<TenantRows | Evidence> {
  const actor = { role: undefined, tenant };
  const counted = await trials.try<{ own: number }>(actor, OWN_AND_OTHERS(relation), [tenant]);
  if ('rows' in counted) return { tenant, rows: counted.rows[0]?.own ?? 0 };
  return { subject: relation.label, problem: `cannot be read by the administrator: ${counted.error.message}` };
}

/** A function that returns one value gives the tenant's, not everybody's. */
export async function checkFunctionValue(
  trials: TenantTrials,
  { call, equals = 'NULL' }: TenantFunction,
  tenants: readonly string[],
  { role, log }: { readonly role: string; readonly log: BehaviourLog },
): Promise<void> {
  for (const tenant of tenants) {
    const subject = `function ${call} as tenant ${tenant}`;
    const right = await trials.try<{ value: string | null }>(
      { role: undefined, tenant: undefined },
      sql`SELECT (${configured(equals)})::text AS value FROM (SELECT $1::text) tenant`,
      [tenant],
    );
    const given = await trials.try<{ value: string | null }>(
      { role, tenant },
      sql`SELECT (${configured(call)})::text AS value`,
    );
    log.trials += 1;
    if ('error' in right) log.unclear.add({ subject, problem: `the right value is unknown: ${right.error.message}` });
    else if ('error' in given) log.problems.add({ subject, problem: `cannot be called: ${given.error.message}` });
    else if (right.rows[0]?.value !== given.rows[0]?.value) {
      const values = { expected: right.rows[0]?.value ?? null, actual: given.rows[0]?.value ?? null };
      log.problems.add({ subject, ...values, problem: 'does not give the tenant’s value' });
    }
  }
}
