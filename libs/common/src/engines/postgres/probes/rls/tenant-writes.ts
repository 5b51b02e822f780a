import type pg from 'pg';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { TenantRelation } from '#common/engines/postgres/tenants/relations.js';
import { isMissingPrivilege, isPolicyRefusal, type TenantTrials } from '#common/engines/postgres/tenants/trial.js';
import { identifier, joined, sql } from '#common/pg/sql.js';
import type { BehaviourLog } from './tenant-sightings.js';

interface WriteTrial {
  readonly table: TenantRelation;
  /** Has rows in the table. */
  readonly tenant: string;
  readonly other: string;
  readonly role: string;
  readonly log: BehaviourLog;
}

/** Columns that an INSERT may name: not those that are generated from others. */
const COLUMNS = `
  SELECT attname AS name FROM pg_attribute
  WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`;

/**
 * A tenant can neither write a row for another tenant nor hand it its own. Rows are tried with all their values, so that no
 * sequence is advanced: that would outlive the rollback.
 */
export async function checkWrites(session: PgSession, trials: TenantTrials, trial: WriteTrial): Promise<void> {
  const { table, tenant, other, role } = trial;
  const [row] = await session.query<{ row: string }>(
    sql`SELECT to_jsonb(t)::text AS row FROM ${table.from} t WHERE ${table.column}::text = $1 LIMIT 1`,
    [tenant],
  );
  if (row === undefined) return;
  const names = await session.query<{ name: string }>(COLUMNS, [table.from.text]);
  const columns = joined(names.map(({ name }) => identifier(name)));
  const inserted = await trials.try<object>(
    { role, tenant: other },
    sql`INSERT INTO ${table.from} (${columns}) OVERRIDING SYSTEM VALUE
     SELECT ${columns} FROM jsonb_populate_record(NULL::${table.from}, $1::jsonb)`,
    [row.row],
  );
  judge('INSERT of a row of another tenant', inserted, trial);
  const updated = await trials.try<object>(
    { role, tenant },
    sql`UPDATE ${table.from} SET ${table.column} = $2
     WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM ${table.from} WHERE ${table.column}::text = $1 LIMIT 1)
     RETURNING 1`,
    [tenant, other],
  );
  // Policies may hide every row of a tenant from itself: then there was nothing to hand over.
  const hadRow = 'error' in updated || updated.rows.length > 0;
  if (hadRow) judge('UPDATE that hands a row to another tenant', updated, trial);
}

function judge(what: string, result: { error: pg.DatabaseError } | object, { table, role, log }: WriteTrial): void {
  const subject = `${table.label}: ${what}`;
  log.trials += 1;
  if (!('error' in result)) {
    log.problems.add({ subject, expected: 'refused', actual: 'done', problem: `${role} was not refused` });
    return;
  }
  const { error } = result as { error: pg.DatabaseError };
  if (isPolicyRefusal(error) || isMissingPrivilege(error)) return;
  // The server looks at constraints after the policies: a row that got that far was let through.
  if (error.code?.startsWith('23')) {
    const problem = `no policy refused ${role}; only a constraint did`;
    log.problems.add({ subject, expected: 'refused', actual: error.message, problem });
  } else log.unclear.add({ subject, problem: `ended before a policy was asked: ${error.message}` });
}
