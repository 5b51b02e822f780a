import type { TenantFunction } from '#common/engines/postgres/tenants/tenant-tables.js';
import { ADMINISTRATOR, type TenantTrials } from '#common/engines/postgres/tenants/trial.js';
import { configured, sql } from '#common/pg/sql.js';
import type { BehaviourLog } from './tenant-sightings.js';

/** A function that returns one value gives the tenant's, not that of all tenants. */
export async function checkFunctionValue(
  trials: TenantTrials,
  { call, equals = 'NULL' }: TenantFunction,
  tenants: readonly string[],
  { role, log }: { readonly role: string; readonly log: BehaviourLog },
): Promise<void> {
  for (const tenant of tenants) {
    const subject = `function ${call} as tenant ${tenant}`;
    const right = await trials.try<{ value: string | null }>(
      ADMINISTRATOR,
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
