import { z } from 'zod';
import type { Evidence } from '#common/domain/verdict.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { findCorruption } from '#common/engines/postgres/probes/corruption.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { inRollback, withSession } from '#common/engines/postgres/probes/probe-session.js';
import { matchesAny } from '#common/engines/postgres/probes/qualified-name.js';
import { type Sql, sql } from '#common/pg/sql.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import { type Amcheck, openAmcheck } from './open-amcheck.js';

const AmcheckParams = z.strictObject({
  tables: z
    .array(z.string())
    .min(1)
    .default(['*'])
    .describe('schema.table with *; their indexes and TOAST tables are checked too'),
  rows: z
    .boolean()
    .default(true)
    .describe(
      'Look for every row in each of its indexes; false: what each index holds alone, in a fraction of the time',
    ),
});
type AmcheckParams = z.output<typeof AmcheckParams>;

/**
 * What lies on disk is sound, whatever the rows say: PostgreSQL's own amcheck reads every page of every table and index. Of a database that was
 * restored from a base backup it says most, of one that was restored from a dump that the server itself wrote well.
 */
export const amcheckProbe = definePgProbe({
  name: 'amcheck',
  summary:
    'Every page of tables, TOAST tables and indexes is sound, and every row is in its indexes, by PostgreSQL’s amcheck',
  readsNoFacts: true,
  timeoutMs: 6 * 3_600_000,
  params: AmcheckParams,
  check: (context, params) =>
    withSession(context, (session) => inRollback(session, 'BEGIN', () => checkRelations(session, params))),
});

async function checkRelations(session: PgSession, params: AmcheckParams) {
  const opened = await openAmcheck(session);
  if ('reason' in opened) return nothingToCompare(opened.reason);
  const { amcheck } = opened;
  const relations = await listRelations(session, amcheck, params.tables);
  if (relations.length === 0) return nothingToCompare('no table is chosen that amcheck can check');
  const problems = new EvidenceLog();
  for (const relation of relations) problems.add(...(await checkRelation(session, relation, { amcheck, ...params })));
  const of = (...kinds: readonly Relation['kind'][]): number =>
    relations.filter(({ kind }) => kinds.includes(kind)).length;
  return conclude({
    looked: `${countOf(of('table'), 'table')}, indexes: ${of('btree', 'gin')}, by amcheck ${amcheck.version}`,
    problems,
    notes: amcheck.checksTables ? [] : ['amcheck before 1.3 checks no tables'],
  });
}

interface Relation {
  readonly oid: string;
  readonly name: string;
  /** Schema and table, to be chosen by. */
  readonly table: string;
  readonly kind: 'table' | 'btree' | 'gin';
  readonly isUnique: boolean;
}

/** Those of PostgreSQL's own catalog too: a copy of a cluster may have lost them as well. */
async function listRelations(session: PgSession, amcheck: Amcheck, tables: readonly string[]): Promise<Relation[]> {
  const relations = await session.query<Relation>(RELATIONS);
  return relations.filter(
    ({ kind, table }) =>
      (kind === 'btree' || (kind === 'table' ? amcheck.checksTables : amcheck.checksGin)) && matchesAny(table, tables),
  );
}

const RELATIONS = `
  WITH relation AS (
    SELECT c.oid, c.relkind, c.relam, coalesce(i.indrelid, c.oid) AS owned, i.indisunique,
      quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_(toast_)?temp_' AND n.nspname <> 'holdfast_amcheck'
      AND (c.relkind IN ('r', 'm', 't') OR c.relkind = 'i' AND i.indisvalid AND i.indisready)
  )
  SELECT
    r.oid::text,
    r.name || coalesce(' of ' || t.name, '') AS name,
    coalesce(t.name, o.name) AS "table",
    CASE a.amname WHEN 'heap' THEN 'table' ELSE a.amname END AS kind,
    coalesce(r.indisunique, false) AS "isUnique"
  FROM relation r
  JOIN pg_am a ON a.oid = r.relam AND a.amname IN ('heap', 'btree', 'gin')
  JOIN relation o ON o.oid = r.owned
  -- The table that a TOAST table belongs to.
  LEFT JOIN LATERAL (
    SELECT quote_ident(pn.nspname) || '.' || quote_ident(p.relname) AS name
    FROM pg_class p JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE p.reltoastrelid = r.owned
  ) t ON o.relkind = 't'
  ORDER BY 3, 4 DESC, 2`;

interface CheckOptions extends AmcheckParams {
  readonly amcheck: Amcheck;
}

/** Its locks are given back at once: of ten thousand tables no server could keep them. */
async function checkRelation(session: PgSession, relation: Relation, o: CheckOptions): Promise<Evidence[]> {
  const subject = `${relation.kind === 'table' ? 'table' : 'index'} ${relation.name}`;
  await session.query('SAVEPOINT relation');
  try {
    if (relation.kind === 'table') return await checkTable(session, relation.oid, subject, o.amcheck);
    await session.query(toIndexCheck(relation, o), [relation.oid]);
    return [];
  } catch (error) {
    const problem = findCorruption(error);
    if (problem === undefined) throw error;
    return [{ subject, problem }];
  } finally {
    await session.query('ROLLBACK TO SAVEPOINT relation').catch(() => undefined);
  }
}

interface HeapProblem {
  readonly block: string | null;
  readonly line: number | null;
  readonly column: string | null;
  readonly said: string;
}

/** A page that is broken may bring thousands. */
const SHOWN = 20;

async function checkTable(session: PgSession, oid: string, subject: string, { call }: Amcheck): Promise<Evidence[]> {
  const found = await session.query<HeapProblem>(
    sql`SELECT v.blkno::text AS block, v.offnum AS line, a.attname::text AS column, v.msg AS said
     FROM ${call('verify_heapam')}($1::oid::regclass, check_toast => true) v
     LEFT JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = v.attnum
     LIMIT ${SHOWN}`,
    [oid],
  );
  return found.map(({ block, line, column, said }) => {
    const place = [
      ...(block === null ? [] : [`page ${block}`]),
      ...(line === null ? [] : [`row ${line}`]),
      ...(column === null ? [] : [`column ${column}`]),
    ];
    return { subject, problem: place.length === 0 ? said : `${place.join(', ')}: ${said}` };
  });
}

function toIndexCheck({ kind, isUnique }: Relation, { amcheck, rows }: CheckOptions): Sql {
  if (kind === 'gin') return sql`SELECT ${amcheck.call('gin_index_check')}($1::oid::regclass)`;
  const check = amcheck.call('bt_index_check');
  const heapallindexed = rows ? sql`true` : sql`false`;
  return amcheck.checksUnique && isUnique
    ? sql`SELECT ${check}($1::oid::regclass, ${heapallindexed}, true)`
    : sql`SELECT ${check}($1::oid::regclass, ${heapallindexed})`;
}
