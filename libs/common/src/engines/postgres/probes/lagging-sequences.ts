import type { Evidence } from '#common/domain/verdict.js';
import { isExtensionMember, USER_SCHEMA } from '#common/engines/postgres/facts/sql.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { identifier, sql } from '#common/pg/sql.js';

interface OwnedSequence {
  readonly sequence: string;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** null: it has given none. */
  readonly last: string | null;
}

/** Those that count upwards for a column, and begin again at no end. */
const OWNED = `
  SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS sequence,
    tn.nspname AS schema, t.relname AS table, a.attname AS column, pg_sequence_last_value(c.oid)::text AS last
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_sequence s ON s.seqrelid = c.oid AND s.seqincrement > 0 AND NOT s.seqcycle
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${USER_SCHEMA} AND NOT ${isExtensionMember('pg_class', 'c.oid')}
    AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
  ORDER BY 1`;

/**
 * Sequences that are about to give a key that their own column holds already. Asked of the database alone: how many were looked at, and
 * those. A source may have had them before: an application that writes keys itself does not ask the sequence.
 */
export async function findLaggingSequences(
  session: PgSession,
): Promise<{ readonly looked: number; readonly lagging: readonly Evidence[] }> {
  const owned = await session.query<OwnedSequence>(OWNED);
  const lagging: Evidence[] = [];
  for (const { sequence, schema, table, column, last } of owned) {
    const [of, key] = [sql`${identifier(schema)}.${identifier(table)}`, identifier(column)];
    const { highest } = await session.queryOne<{ highest: string | null }>(
      sql`SELECT max(${key})::text AS highest FROM ${of}`,
    );
    if (highest === null || BigInt(last ?? 0) >= BigInt(highest) || BigInt(highest) <= 0n) continue;
    const problem = `is behind column ${column} of ${schema}.${table}: it will give keys that exist`;
    lagging.push({ subject: sequence, expected: `at least ${highest}`, actual: last, problem });
  }
  return { looked: owned.length, lagging };
}
