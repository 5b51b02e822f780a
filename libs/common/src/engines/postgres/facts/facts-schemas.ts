import { isExtensionMember, toPrivileges, USER_SCHEMA } from './facts-sql.js';

export const SCHEMAS = `
  SELECT
    'schema',
    quote_ident(n.nspname),
    pg_get_userbyid(n.nspowner)::text,
    ${toPrivileges(`coalesce(n.nspacl, acldefault('n', n.nspowner))`)},
    NULL::boolean,
    NULL::boolean,
    NULL::text
  FROM pg_namespace n
  WHERE ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_namespace', 'n.oid')}`;

/** ALTER DEFAULT PRIVILEGES: whose future objects, where, of which type. */
export const DEFAULT_PRIVILEGES = `
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
    NULL::boolean,
    NULL::text
  FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace`;
