import { matchesPattern } from '#common/domain/pattern.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { configured, identifier, printed, type Sql } from '#common/pg/sql.js';
import { WITH_TIMED } from './clock.js';
import type { TenantApplication } from './tenant-tables.js';

/** Something that shows rows of tenants. */
export interface TenantRelation {
  readonly kind: 'table' | 'view' | 'function';
  /** `table public.orders`. */
  readonly label: string;
  /** What stands after FROM. */
  readonly from: Sql;
  /** The tenant column. */
  readonly column: Sql;
  /** It, or what stands behind it, asks for the time: what it shows today it may not show tomorrow. */
  readonly readsClock: boolean;
}

interface NamedRelation {
  readonly name: string;
  /** Without quotes: what patterns are matched with. */
  readonly plainName: string;
  readonly schema: string;
  readonly isTable: boolean;
  readonly isGuarded: boolean;
  readonly readsClock: boolean;
}

const WITH_COLUMN = `${WITH_TIMED}
  SELECT
    format('%I.%I', n.nspname, c.relname) AS name,
    n.nspname || '.' || c.relname AS "plainName",
    n.nspname::text AS schema,
    c.relkind IN ('r', 'p') AS "isTable",
    c.relrowsecurity AS "isGuarded",
    c.oid IN (SELECT oid FROM timed) AS "readsClock"
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
  { tables, views, functions }: TenantApplication,
  { column, guarded }: { readonly column: string; readonly guarded: ReadonlySet<string> },
): Promise<TenantRelation[]> {
  const found = await session.query<NamedRelation>(WITH_COLUMN, [column]);
  const isChosen = ({ name, plainName, isTable, isGuarded }: NamedRelation): boolean => {
    const matches = (patterns: readonly string[]) => patterns.some((pattern) => matchesPattern(pattern, plainName));
    if (!isTable) return matches(views);
    return tables === undefined ? isGuarded || guarded.has(name) : matches(tables);
  };
  const quoted = identifier(column);
  return [
    ...found.filter(isChosen).map(({ name, isTable, readsClock }): TenantRelation => {
      const kind = isTable ? 'table' : 'view';
      return { kind, label: `${kind} ${name}`, from: printed(name), column: quoted, readsClock };
    }),
    ...functions.flatMap(({ call, column: own }): TenantRelation[] =>
      own === undefined
        ? []
        : [
            {
              ...{ kind: 'function', label: `function ${call}`, from: configured(call) },
              ...{ column: identifier(own), readsClock: false },
            },
          ],
    ),
  ];
}

/** All tables of a schema that have the tenant column. */
export async function listTenantTables(session: PgSession, schema: string, column: string): Promise<string[]> {
  const found = await session.query<NamedRelation>(WITH_COLUMN, [column]);
  return found.filter((relation) => relation.isTable && relation.schema === schema).map(({ name }) => name);
}
