import { isExtensionMember, toPrivileges, USER_SCHEMA } from './facts-sql.js';

/** Functions, procedures and aggregates. */
export const ROUTINES = `
  SELECT
    CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    pg_get_userbyid(p.proowner)::text,
    ${toPrivileges(`coalesce(p.proacl, acldefault('f', p.proowner))`)},
    p.prosecdef,
    NULL::boolean,
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_proc', 'p.oid')}
    -- A range type brings its own constructors along.
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
    )`;

/** Types and domains that somebody made; not those that come with a table, an array or a range. */
export const TYPES = `
  SELECT
    'type',
    quote_ident(n.nspname) || '.' || quote_ident(t.typname),
    pg_get_userbyid(t.typowner)::text,
    ${toPrivileges(`coalesce(t.typacl, acldefault('T', t.typowner))`)},
    NULL::boolean,
    NULL::boolean,
    NULL::text
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('b', 'c', 'd', 'e', 'r') AND ${USER_SCHEMA}
    AND (t.typrelid = 0 OR c.relkind = 'c')
    AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
    AND NOT ${isExtensionMember('pg_type', 't.oid')}`;
