import { createHash } from 'node:crypto';
import type { DetailFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { isExtensionMember, USER_SCHEMA } from './facts-sql.js';

const RELATION = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

/**
 * `ALTER TABLE … DISABLE TRIGGER ALL` reaches the triggers that enforce foreign keys. Their own names are made of numbers, so they
 * are told by their constraint. No archive carries their state: a restore enforces what the backup did not.
 */
const DISABLED_CONSTRAINTS = `
  SELECT DISTINCT
    'disabled-constraint' AS kind,
    'constraint ' || quote_ident(coalesce(k.conname, g.tgname)) || ' on ' || ${RELATION} AS identity,
    ${RELATION} AS "of",
    g.tgenabled::text AS value
  FROM pg_trigger g
  JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint k ON k.oid = g.tgconstraint
  WHERE g.tgisinternal AND g.tgenabled <> 'O' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const RULES = `
  SELECT 'rule', 'rule ' || quote_ident(r.rulename) || ' on ' || ${RELATION}, ${RELATION},
    r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid)
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.rulename <> '_RETURN' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

/** `security_barrier` and the like. Those of indexes are part of their definition. */
const OPTIONS = `
  SELECT 'options', 'options of ' || ${RELATION}, ${RELATION},
    (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' AND c.reloptions IS NOT NULL AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const SEQUENCES = `
  SELECT 'sequence', 'sequence ' || ${RELATION}, ${RELATION},
    format('%s from %s by %s, %s to %s, cache %s%s', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
      s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ', cycle' ELSE '' END)
    || coalesce((
      SELECT ', owned by ' || d.refobjid::regclass || '.' || quote_ident(a.attname)
      FROM pg_depend d
      JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    ), '')
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

/** The list of tables is that of the publication, save for one of all tables, which follows what there is. */
const PUBLICATIONS = `
  SELECT 'publication', 'publication ' || quote_ident(p.pubname), NULL,
    (to_jsonb(p) - '{oid,pubowner}'::text[] || jsonb_build_object('tables', CASE WHEN p.puballtables THEN NULL ELSE (
      SELECT jsonb_agg(to_jsonb(t) - 'pubname' ORDER BY t.schemaname, t.tablename)
      FROM pg_publication_tables t WHERE t.pubname = p.pubname
    ) END))::text
  FROM pg_publication p`;

const EVENT_TRIGGERS = `
  SELECT 'event-trigger', 'event trigger ' || quote_ident(t.evtname), NULL,
    jsonb_build_array(t.evtevent, t.evtenabled, t.evtfoid::regprocedure::text, t.evttags)::text
  FROM pg_event_trigger t
  WHERE NOT ${isExtensionMember('pg_event_trigger', 't.oid')}`;

/** Of what users made. Those of extensions come with the extension, those of databases and roles belong to the server. */
const COMMENTS = `
  SELECT 'comment', 'comment on ' || o.type || ' ' || o.identity, NULL, d.description
  FROM pg_description d
  CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) o
  WHERE d.objoid >= 16384 AND o.identity IS NOT NULL AND o.schema IS DISTINCT FROM 'pg_toast'
    AND d.classoid NOT IN ('pg_extension'::regclass, 'pg_subscription'::regclass)
    AND NOT EXISTS (
      SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e'
    )`;

/** Numbers of large objects are what tables hold of them, so a restore keeps them. */
const LARGE_OBJECTS = `
  SELECT 'large-objects', 'large objects', NULL,
    count(*) || ', ' || md5(coalesce(string_agg(l.oid::text, ',' ORDER BY l.oid), ''))
  FROM pg_largeobject_metadata l`;

interface DetailRow {
  readonly kind: string;
  readonly identity: string;
  readonly of: string | null;
  readonly value: string;
}

/** Short, and without anything that people write: the others are kept as digests. */
const PLAIN = new Set(['disabled-constraint', 'options', 'sequence', 'large-objects']);

const PARTS = [
  ...[DISABLED_CONSTRAINTS, RULES, OPTIONS, SEQUENCES],
  ...[PUBLICATIONS, EVENT_TRIGGERS, COMMENTS, LARGE_OBJECTS],
].join('\n  UNION ALL');

/** What changes how objects behave without making them other ones, in a fixed order. */
export async function readDetails(session: PgSession): Promise<DetailFacts[]> {
  const rows = await session.query<DetailRow>(
    `SELECT kind, identity, "of", coalesce(value, '') AS value FROM (${PARTS}\n) AS detail
     ORDER BY kind, identity COLLATE "C", value COLLATE "C"`,
  );
  return rows.map(({ kind, identity, of, value }) => ({
    ...{ kind, identity, value: PLAIN.has(kind) ? value : toSha256(value) },
    ...(of === null ? {} : { of }),
  }));
}

const toSha256 = (value: string): string => createHash('sha256').update(value).digest('hex');
