import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { isExtensionMember, toPrivilege, toPrivileges, USER_SCHEMA } from './sql.js';

/** Tables, views, sequences and foreign tables: with the privileges of their columns among their own. */
const RELATIONS = `
  SELECT
    CASE c.relkind
      WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized-view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign-table'
      ELSE 'table'
    END AS kind,
    quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS identity,
    pg_get_userbyid(c.relowner)::text AS owner,
    ARRAY(
      SELECT ${toPrivilege('')}
      FROM aclexplode(
        coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
      ) a
      UNION ALL
      SELECT ${toPrivilege('quote_ident(t.attname)')}
      FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) a
      WHERE t.attrelid = c.oid AND NOT t.attisdropped
      ORDER BY 1
    ) AS privileges,
    NULL::boolean AS "securityDefiner",
    CASE c.relkind WHEN 'v' THEN coalesce((
      SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'security_invoker'
    ), false) END AS "securityInvoker"
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

/** Indexes belong to their table's owner and have no privileges. pg_dump leaves broken ones out, so they are no fact. */
const INDEXES = `
  SELECT
    'index',
    quote_ident(n.nspname) || '.' || quote_ident(c.relname),
    pg_get_userbyid(c.relowner)::text,
    ARRAY[]::text[],
    NULL::boolean,
    NULL::boolean
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_class t ON t.oid = i.indrelid
  WHERE c.relkind IN ('i', 'I') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND (i.indisvalid OR t.relkind = 'p')
    AND NOT ${isExtensionMember('pg_class', 'i.indrelid')}`;

/** Functions, procedures and aggregates. */
const ROUTINES = `
  SELECT
    CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    pg_get_userbyid(p.proowner)::text,
    ${toPrivileges(`coalesce(p.proacl, acldefault('f', p.proowner))`)},
    p.prosecdef,
    NULL::boolean
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_proc', 'p.oid')}
    -- A range type brings its own constructors along.
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
    )`;

/** Types and domains with a definition of their own; not those that come with a table, an array or a range. */
const TYPES = `
  SELECT
    'type',
    quote_ident(n.nspname) || '.' || quote_ident(t.typname),
    pg_get_userbyid(t.typowner)::text,
    ${toPrivileges(`coalesce(t.typacl, acldefault('T', t.typowner))`)},
    NULL::boolean,
    NULL::boolean
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('b', 'c', 'd', 'e', 'r') AND ${USER_SCHEMA}
    AND (t.typrelid = 0 OR c.relkind = 'c')
    AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
    AND NOT ${isExtensionMember('pg_type', 't.oid')}`;

const SCHEMAS = `
  SELECT
    'schema',
    quote_ident(n.nspname),
    pg_get_userbyid(n.nspowner)::text,
    ${toPrivileges(`coalesce(n.nspacl, acldefault('n', n.nspowner))`)},
    NULL::boolean,
    NULL::boolean
  FROM pg_namespace n
  WHERE ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_namespace', 'n.oid')}`;

/** ALTER DEFAULT PRIVILEGES: whose future objects, where, of which type. */
const DEFAULT_PRIVILEGES = `
  SELECT
    'default-privileges',
    quote_ident(pg_get_userbyid(d.defaclrole))
      || coalesce(' in schema ' || quote_ident(n.nspname), '') || ' on '
      || CASE d.defaclobjtype
        WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
        WHEN 'n' THEN 'schemas' ELSE 'large objects'
      END,
    pg_get_userbyid(d.defaclrole)::text,
    ${toPrivileges('d.defaclacl')},
    NULL::boolean,
    NULL::boolean
  FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace`;

interface ObjectRow extends Pick<ObjectFacts, 'kind' | 'identity' | 'owner' | 'privileges'> {
  readonly securityDefiner: boolean | null;
  readonly securityInvoker: boolean | null;
}

const PARTS = [RELATIONS, INDEXES, ROUTINES, TYPES, SCHEMAS, DEFAULT_PRIVILEGES].join('\n  UNION ALL');

/** Owner and privileges of every object that has them, in a fixed order. What the objects are made of is in `definitions/`. */
export async function readObjects(session: PgSession): Promise<ObjectFacts[]> {
  const rows = await session.query<ObjectRow>(
    `SELECT * FROM (${PARTS}\n) AS object ORDER BY kind, identity COLLATE "C"`,
  );
  return rows.map(({ securityDefiner, securityInvoker, ...row }) => ({
    ...row,
    ...(securityDefiner === null ? {} : { securityDefiner }),
    ...(securityInvoker === null ? {} : { securityInvoker }),
  }));
}
