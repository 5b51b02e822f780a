import { isExtensionMember, toPrivilege, USER_SCHEMA } from './facts-sql.js';

/** Tables, views, sequences and foreign tables: with the privileges of their columns among their own. */
export const RELATIONS = `
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
    ), false) END AS "securityInvoker",
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

/** Indexes belong to their table's owner and have no privileges. pg_dump leaves broken ones out, so they are no fact. */
export const INDEXES = `
  SELECT
    'index',
    quote_ident(n.nspname) || '.' || quote_ident(c.relname),
    pg_get_userbyid(c.relowner)::text,
    ARRAY[]::text[],
    NULL::boolean,
    NULL::boolean,
    pg_get_indexdef(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_class t ON t.oid = i.indrelid
  WHERE c.relkind IN ('i', 'I') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND (i.indisvalid OR t.relkind = 'p')
    AND NOT ${isExtensionMember('pg_class', 'i.indrelid')}`;
