import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { configured, identifier, printed, type Sql } from '#common/pg/sql.js';
import { matchesAny } from './name-pattern.js';
import type { RlsBehaviour } from './rls-params.js';

/** Something that shows rows of tenants. */
export interface TenantRelation {
  readonly kind: 'table' | 'view' | 'function';
  /** `table public.orders`. */
  readonly label: string;
  /** What stands after FROM. */
  readonly from: Sql;
  /** The tenant column. */
  readonly column: Sql;
}

interface NamedRelation {
  readonly name: string;
  readonly isTable: boolean;
  readonly isGuarded: boolean;
}

const WITH_COLUMN = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind IN ('r', 'p') AS "isTable", c.relrowsecurity AS "isGuarded"
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $1 AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p', 'v', 'm')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
  ORDER BY 1`;

/**
 * The tables and views to read as a tenant. `guarded` are tables that the backup knows with row-level security: they are read
 * although it may be off by now.
 */
export async function listTenantRelations(
  session: PgSession,
  { tables, views, functions }: RlsBehaviour,
  { column, guarded }: { readonly column: string; readonly guarded: ReadonlySet<string> },
): Promise<TenantRelation[]> {
  const found = await session.query<NamedRelation>(WITH_COLUMN, [column]);
  const isChosen = ({ name, isTable, isGuarded }: NamedRelation): boolean => {
    if (!isTable) return matchesAny(name, views);
    return tables === undefined ? isGuarded || guarded.has(name) : matchesAny(name, tables);
  };
  const quoted = identifier(column);
  return [
    ...found.filter(isChosen).map(({ name, isTable }): TenantRelation => {
      const kind = isTable ? 'table' : 'view';
      return { kind, label: `${kind} ${name}`, from: printed(name), column: quoted };
    }),
    ...functions.flatMap(({ call, column: own }): TenantRelation[] =>
      own === undefined
        ? []
        : [{ kind: 'function', label: `function ${call}`, from: configured(call), column: identifier(own) }],
    ),
  ];
}

/** All tables of a schema that have the tenant column. */
export async function listTenantTables(session: PgSession, schema: string, column: string): Promise<string[]> {
  const found = await session.query<NamedRelation>(WITH_COLUMN, [column]);
  const prefix = await session.query<{ name: string }>('SELECT quote_ident($1) AS name', [schema]);
  return found.filter(({ name, isTable }) => isTable && name.startsWith(`${prefix[0]?.name}.`)).map(({ name }) => name);
}
