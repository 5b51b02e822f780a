import { isExtensionMember } from '#common/engines/postgres/facts/sql.js';

/** The list of tables is that of the publication, save for one of all tables, which follows what there is. */
const PUBLICATIONS = `
  SELECT 'publication' AS kind, quote_ident(p.pubname) AS identity, NULL::text AS "of", jsonb_build_object(
    'operations', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
      CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
    'root', CASE WHEN p.pubviaroot THEN 'changes of partitions are published as those of their root' END,
    'generated columns', nullif(to_jsonb(p) ->> 'pubgencols', 'n'),
    'schemas', (SELECT string_agg(n.pnnspid::regnamespace::text, ', ' ORDER BY n.pnnspid::regnamespace::text COLLATE "C")
      FROM pg_publication_namespace n WHERE n.pnpubid = p.oid),
    'tables', CASE WHEN p.puballtables THEN 'all' ELSE (
      SELECT string_agg(concat_ws(' ', quote_ident(t.schemaname) || '.' || quote_ident(t.tablename),
          '(' || array_to_string(t.attnames, ', ') || ')', 'where ' || t.rowfilter), E'\\n' ORDER BY t.schemaname, t.tablename)
      FROM pg_publication_tables t WHERE t.pubname = p.pubname
    ) END
  ) AS "is", NULL::jsonb AS columns
  FROM pg_publication p`;

/** Where from is a secret, and no column that every role may read. */
const SUBSCRIPTIONS = `
  SELECT 'subscription', quote_ident(s.subname), NULL,
    jsonb_build_object('publications', array_to_string(s.subpublications, ', ')), NULL
  FROM pg_subscription s
  WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const EVENT_TRIGGERS = `
  SELECT 'event trigger', quote_ident(t.evtname), NULL, jsonb_build_object(
    'event', t.evtevent, 'function', t.evtfoid::regprocedure::text, 'tags', array_to_string(t.evttags, ', '),
    'firing', CASE t.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas only' WHEN 'A' THEN 'always' END
  ), NULL
  FROM pg_event_trigger t
  WHERE NOT ${isExtensionMember('pg_event_trigger', 't.oid')}`;

/** Of what users made, and of large objects, whose numbers users choose. */
const isOwn = (label: string): string => `
    (${label}.objoid >= 16384 OR ${label}.classoid = 'pg_largeobject'::regclass) AND o.identity IS NOT NULL
    AND o.schema IS DISTINCT FROM 'pg_toast' AND ${label}.classoid NOT IN ('pg_extension'::regclass, 'pg_subscription'::regclass)
    AND NOT EXISTS (
      SELECT FROM pg_depend e WHERE e.classid = ${label}.classoid AND e.objid = ${label}.objoid AND e.deptype = 'e'
    )`;

/** The object that a comment is on: of a column its table, of a constraint, trigger or rule itself. */
const subjectOf = (label: string): string => `(
      SELECT c.oid::regclass::text FROM pg_class c WHERE ${label}.classoid = 'pg_class'::regclass AND c.oid = ${label}.objoid
    )`;

/** Those of extensions come with the extension, those of databases and roles belong to the server. */
const COMMENTS = `
  SELECT 'comment', 'comment on ' || o.type || ' ' || o.identity, ${subjectOf('d')}, jsonb_build_object('text', d.description), NULL
  FROM pg_description d
  CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) o
  WHERE ${isOwn('d')}`;

const SECURITY_LABELS = `
  SELECT 'security label', 'security label of ' || l.provider || ' on ' || o.type || ' ' || o.identity, ${subjectOf('l')},
    jsonb_build_object('label', l.label), NULL
  FROM pg_seclabel l
  CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) o
  WHERE ${isOwn('l')}`;

/** What hangs on objects: comments and labels, and the publications and triggers that a change of them reaches. */
export const OF_ATTACHMENTS: readonly string[] = [
  ...[PUBLICATIONS, SUBSCRIPTIONS, EVENT_TRIGGERS, COMMENTS, SECURITY_LABELS],
];
