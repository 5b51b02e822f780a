import { isExtensionMember, USER_SCHEMA } from '#common/engines/postgres/facts/sql.js';

/** Numbers below are of what `initdb` makes. */
export const FIRST_USER_OID = 16_384;

/** A relation or index as people write it. */
const RELATION = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

/** `name=value`, one a line: what looks like a secret is hidden line by line. */
export const toOptions = (options: string): string =>
  `(SELECT string_agg(o, E'\\n' ORDER BY o COLLATE "C") FROM unnest(${options}) o)`;

/**
 * In the order of the table. A property stands only where it is not what PostgreSQL takes by itself. NOT NULL is a constraint of its own
 * from 18 and says no more than the column does, save that it may be not validated or not inherited.
 */
const COLUMNS = `
    SELECT a.attrelid, jsonb_agg(jsonb_build_object('name', quote_ident(a.attname), 'is', jsonb_build_object(
      'type', format_type(a.atttypid, a.atttypmod),
      'NOT NULL', CASE WHEN a.attnotnull THEN coalesce(k.form, 'yes') END,
      'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
      'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
      'generation', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid)
        || CASE a.attgenerated WHEN 's' THEN ' stored' ELSE ' virtual' END END,
      'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
      'storage', CASE WHEN a.attstorage <> t.typstorage THEN
        CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
      'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
      'statistics target', nullif(a.attstattarget, -1)::text,
      'options', CASE WHEN a.attoptions IS NOT NULL OR a.attfdwoptions IS NOT NULL
        THEN ${toOptions('a.attoptions || a.attfdwoptions')} END
    )) ORDER BY a.attnum) AS columns
    FROM pg_attribute a
    JOIN pg_class r ON r.oid = a.attrelid AND r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN (
      SELECT k.conrelid, k.conkey[1] AS attnum, concat_ws(', ', 'yes', CASE WHEN NOT k.convalidated THEN 'not validated' END,
        CASE WHEN k.connoinherit THEN 'not inherited' END) AS form
      FROM pg_constraint k WHERE k.contype = 'n' AND (k.connoinherit OR NOT k.convalidated)
    ) k ON k.conrelid = a.attrelid AND k.attnum = a.attnum
    WHERE a.attrelid >= ${FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid`;

const RELATIONS = `
  SELECT
    CASE c.relkind
      WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized-view' WHEN 'f' THEN 'foreign-table' WHEN 'c' THEN 'type' ELSE 'table'
    END AS kind,
    ${RELATION} AS identity,
    NULL::text AS "of",
    jsonb_build_object(
      'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
      'replica identity', CASE WHEN c.relkind IN ('r', 'p', 'm') THEN CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN (
        SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) END END,
      'partition key', pg_get_partkeydef(c.oid),
      'partition bound', pg_get_expr(c.relpartbound, c.oid),
      'parents', (
        SELECT string_agg(i.inhparent::regclass::text, E'\\n' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid
      ),
      'type', CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END,
      'access method', (SELECT quote_ident(m.amname) FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'),
      'options', ${toOptions('c.reloptions')},
      'TOAST options', (SELECT ${toOptions('h.reloptions')} FROM pg_class h WHERE h.oid = c.reltoastrelid),
      'clustering', (SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = c.oid AND i.indisclustered),
      'server', (SELECT quote_ident(s.srvname) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
        WHERE f.ftrelid = c.oid),
      'foreign options', (SELECT ${toOptions('f.ftoptions')} FROM pg_foreign_table f WHERE f.ftrelid = c.oid),
      'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
      'content', CASE WHEN c.relkind = 'm' THEN CASE WHEN c.relispopulated THEN 'populated' ELSE 'not populated' END END
    ) AS "is",
    o.columns
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN (${COLUMNS}
  ) o ON o.attrelid = c.oid
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}
    AND NOT (c.relkind = 'c' AND ${isExtensionMember('pg_type', 'c.reltype')})`;

/**
 * Of foreign keys, those that came about by themselves are left out: a row for every partition that is referred to, and the copies that
 * partitions have of their parent's. An archive brings the parent's, and PostgreSQL names the others anew.
 */
const CONSTRAINTS = `
  SELECT 'constraint', 'constraint ' || quote_ident(k.conname) || ' on ' || ${RELATION}, ${RELATION},
    jsonb_build_object('definition', pg_get_constraintdef(k.oid)), NULL::jsonb
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype NOT IN ('n', 't') AND NOT (k.contype = 'f' AND k.conparentid <> 0) AND ${USER_SCHEMA}
    AND c.relpersistence <> 't'
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const DOMAIN_CONSTRAINTS = `
  SELECT 'constraint', 'constraint ' || quote_ident(k.conname) || ' on ' || k.contypid::regtype::text, k.contypid::regtype::text,
    jsonb_build_object('definition', pg_get_constraintdef(k.oid)), NULL
  FROM pg_constraint k
  JOIN pg_type t ON t.oid = k.contypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE k.contype <> 'n' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_type', 't.oid')}`;

/** pg_dump leaves broken ones out, so they are no fact. */
const INDEXES = `
  SELECT 'index', ${RELATION}, i.indrelid::regclass::text,
    jsonb_build_object(
      'definition', pg_get_indexdef(c.oid),
      'parent', (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid),
      'statistics targets', (
        SELECT string_agg(a.attnum || ' ' || a.attstattarget, ', ' ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attstattarget <> -1
      )
    ), NULL
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_class r ON r.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${USER_SCHEMA} AND c.relpersistence <> 't' AND (i.indisvalid OR r.relkind = 'p')
    AND NOT ${isExtensionMember('pg_class', 'i.indrelid')}`;

const FIRED = (letter: string): string =>
  `CASE ${letter} WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas only' WHEN 'A' THEN 'always' END`;

const TRIGGERS = `
  SELECT 'trigger', 'trigger ' || quote_ident(g.tgname) || ' on ' || ${RELATION}, ${RELATION},
    jsonb_build_object('definition', pg_get_triggerdef(g.oid), 'firing', ${FIRED('g.tgenabled')}), NULL
  FROM pg_trigger g
  JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT g.tgisinternal AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const RULES = `
  SELECT 'rule', 'rule ' || quote_ident(r.rulename) || ' on ' || ${RELATION}, ${RELATION},
    jsonb_build_object('definition', pg_get_ruledef(r.oid), 'firing', ${FIRED('r.ev_enabled')}), NULL
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.rulename <> '_RETURN' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

/**
 * `ALTER TABLE … DISABLE TRIGGER ALL` reaches the triggers that enforce foreign keys. Their own names are made of numbers, so a
 * line names their constraint. No archive carries their state: a restore enforces what the backup did not.
 */
const UNENFORCED = `
  SELECT DISTINCT 'enforcement',
    'constraint ' || quote_ident(coalesce(k.conname, g.tgname)) || ' on ' || ${RELATION}, ${RELATION},
    jsonb_build_object('state', g.tgenabled::text), NULL::jsonb
  FROM pg_trigger g
  JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint k ON k.oid = g.tgconstraint
  WHERE g.tgisinternal AND g.tgenabled <> 'O' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const SEQUENCES = `
  SELECT 'sequence', ${RELATION}, NULL,
    jsonb_build_object(
      'type', format_type(s.seqtypid, NULL), 'start', s.seqstart::text, 'increment', s.seqincrement::text,
      'minimum', s.seqmin::text, 'maximum', s.seqmax::text, 'cache', s.seqcache::text,
      'cycle', CASE WHEN s.seqcycle THEN 'yes' END,
      'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
      'owning column', (
        SELECT d.refobjid::regclass || '.' || quote_ident(a.attname)
        FROM pg_depend d
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      )
    ), NULL
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const STATISTICS = `
  SELECT 'statistics', quote_ident(n.nspname) || '.' || quote_ident(s.stxname), s.stxrelid::regclass::text,
    jsonb_build_object('definition', pg_get_statisticsobjdef(s.oid), 'target', nullif(s.stxstattarget, -1)::text), NULL
  FROM pg_statistic_ext s
  JOIN pg_namespace n ON n.oid = s.stxnamespace
  WHERE ${USER_SCHEMA} AND NOT ${isExtensionMember('pg_statistic_ext', 's.oid')}`;

/** Tables, views and what belongs to them. */
export const OF_RELATIONS: readonly string[] = [
  ...[RELATIONS, CONSTRAINTS, DOMAIN_CONSTRAINTS, INDEXES, TRIGGERS, RULES, SEQUENCES, STATISTICS],
  UNENFORCED,
];
