import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, joined, printed, type Sql, sql } from '#common/pg/sql.js';

/** A table as one server has it. */
export interface TableForm {
  /** As PostgreSQL prints it: `public.orders`. */
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly isGenerated: boolean }[];
  /** Of the primary key. */
  readonly key: readonly string[] | null;
  /** Tables that its foreign keys lead to. */
  readonly parents: readonly string[] | null;
  /** Those of the application that are enabled: a merge fires them. */
  readonly triggers: readonly string[] | null;
}

const FORM = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'isGenerated', a.attgenerated <> '') ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT json_agg(a.attname ORDER BY k.place)
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (number, place)
        JOIN pg_attribute a ON a.attnum = k.number
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid) AS key,
    (SELECT json_agg(DISTINCT format('%I.%I', pn.nspname, p.relname))
      FROM pg_constraint f JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
      WHERE f.conrelid = c.oid AND f.contype = 'f') AS parents,
    (SELECT json_agg(t.tgname ORDER BY t.tgname)
      FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D') AS triggers
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')`;

export async function findForm(session: PgSession, table: string): Promise<TableForm | undefined> {
  const [form] = await session.query<TableForm>(FORM, [table]);
  return form;
}

/** One table as it was and as it is, and what can be compared of it. */
export interface TablePair {
  readonly name: string;
  /** In both, and not computed from others; by the type that they have now. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Of the primary key; none: rows are compared whole, and none of them is another one that changed. */
  readonly key: readonly string[];
  readonly parents: readonly string[];
  readonly notes: readonly string[];
}

/** Throws: undo.table for a table that one of the two lacks. */
export function pairTable(table: string, past: TableForm | undefined, now: TableForm | undefined): TablePair {
  if (past === undefined)
    throw new AppError('undo.table', `${table} was not there at the moment to which the cluster was recovered`);
  if (now === undefined) {
    const hint =
      'Bring the database back beside with `holdfast restore run … --strategy new` to the same moment, and the table from there.';
    throw new AppError('undo.table', `${table} is not there any more: rows come back into a table only`, {}, { hint });
  }
  const own = now.columns.filter(({ isGenerated }) => !isGenerated);
  const columns = own.filter(({ name }) => past.columns.some((each) => each.name === name && !each.isGenerated));
  const names = new Set(columns.map(({ name }) => name));
  const gone = past.columns.filter(({ name, isGenerated }) => !isGenerated && !names.has(name));
  const key = past.key ?? [];
  const isKept = key.every((name) => names.has(name));
  return {
    ...{ name: now.name, columns, key: isKept ? key : [], parents: now.parents ?? [] },
    notes: [
      ...(isKept && key.length > 0 ? [] : ['it has no primary key that it had then: rows are compared whole']),
      ...(gone.length === 0 ? [] : [`columns that are gone since are left out: ${namesOf(gone)}`]),
      ...((now.triggers ?? []).length === 0 ? [] : [`a merge fires its triggers: ${(now.triggers ?? []).join(', ')}`]),
    ],
  };
}

const namesOf = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join(', ');

/** Tables that others refer to come first; where they refer to each other, in the order in which they were named. */
export function inOrderOfKeys(pairs: readonly TablePair[]): TablePair[] {
  const waiting = [...pairs];
  const ordered: TablePair[] = [];
  while (waiting.length > 0) {
    const isFree = ({ name, parents }: TablePair): boolean =>
      waiting.every((other) => other.name === name || !parents.includes(other.name));
    const at = Math.max(0, waiting.findIndex(isFree));
    ordered.push(...waiting.splice(at, 1));
  }
  return ordered;
}

/** The columns of a staged row are numbered: `c1`, `c2`, … all of them text. */
export const stagedColumns = (count: number, prefix = 'c'): Sql[] =>
  Array.from({ length: count }, (_, index) => identifier(`${prefix}${index + 1}`));

/** Where in a staged row the columns of the key are. */
export const keyPlaces = ({ columns, key }: TablePair): readonly number[] =>
  key.map((name) => columns.findIndex((column) => column.name === name));

/** Every column as text, which servers of other versions and other types read alike. */
export const asText = ({ columns }: TablePair): Sql =>
  joined(columns.map(({ name }) => sql`${identifier(name)}::text`));

export const tableOf = ({ name }: TablePair): Sql => printed(name);
