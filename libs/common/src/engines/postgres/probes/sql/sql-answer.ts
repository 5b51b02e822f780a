import { parseExactJson } from '#common/domain/exact-json.js';
import type { JsonObject } from '#common/domain/json.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { inRollback } from '#common/engines/postgres/probes/probe-session.js';
import { sql, subquery } from '#common/pg/sql.js';
import { findMissingObject } from './sql-errors.js';

/** Rows kept of an answer; more are only counted. */
const KEPT_ROWS = 100;
const BATCH_ROWS = 1_000;

export interface SqlAnswer {
  readonly rows: readonly JsonObject[];
  readonly total: number;
}

/** Runs one query of an operator, read-only. `missing` says what the restored database lacks. Throws on any other error. */
export async function askSql(session: PgSession, query: string): Promise<SqlAnswer | { readonly missing: string }> {
  try {
    return await inRollback(session, 'BEGIN READ ONLY', async () => {
      await session.query(
        sql`DECLARE holdfast_answer NO SCROLL CURSOR FOR SELECT row_to_json(q)::text AS row FROM ${subquery(query)} q`,
      );
      return countRows(session);
    });
  } catch (error) {
    const missing = findMissingObject(error);
    if (missing === undefined) throw error;
    return { missing };
  }
}

async function countRows(session: PgSession): Promise<SqlAnswer> {
  const kept: JsonObject[] = [];
  for (let total = 0; ; ) {
    const batch = await session.query<{ row: string }>(`FETCH ${BATCH_ROWS} FROM holdfast_answer`);
    if (batch.length === 0) return { rows: kept, total };
    total += batch.length;
    kept.push(...batch.slice(0, KEPT_ROWS - kept.length).map(({ row }) => parseExactJson(row) as JsonObject));
  }
}
