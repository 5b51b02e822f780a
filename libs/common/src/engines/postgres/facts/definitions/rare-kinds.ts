import { isExtensionMember, USER_SCHEMA } from '#common/engines/postgres/facts/sql.js';
import { FIRST_USER_OID, toOptions } from './relations.js';
import { toName } from './routines-and-types.js';

interface KindOptions {
  readonly kind: string;
  readonly catalog: string;
  readonly alias: string;
  /** The column that names the schema; absent: of no schema. */
  readonly namespace?: string;
  readonly where?: string;
  readonly is: string;
}

/** A select of one kind whose objects PostgreSQL itself can name, of `alias`, which may live in a schema. */
function ofKind(o: KindOptions): string {
  const { kind, catalog, alias, namespace, is, where = 'true' } = o;
  const schema = namespace === undefined ? '' : `JOIN pg_namespace n ON n.oid = ${alias}.${namespace}`;
  const own = namespace === undefined ? `${alias}.oid >= ${FIRST_USER_OID}` : USER_SCHEMA;
  return `
  SELECT '${kind}' AS kind, m.identity AS identity, NULL::text AS "of", jsonb_build_object(${is}) AS "is", NULL::jsonb AS columns
  FROM ${catalog} ${alias} ${schema}
  CROSS JOIN LATERAL pg_identify_object('${catalog}'::regclass, ${alias}.oid, 0) m
  WHERE ${own} AND ${where} AND NOT ${isExtensionMember(catalog, `${alias}.oid`)}`;
}

const identity = (catalog: string, oid: string): string =>
  `(SELECT i.identity FROM pg_identify_object('${catalog}'::regclass, ${oid}, 0) i)`;
const yes = (column: string): string => `CASE WHEN ${column} THEN 'yes' END`;

/** Without those that only another one speaks of: pg_dump leaves them out. */
const OPERATORS = ofKind({
  ...{ kind: 'operator', catalog: 'pg_operator', alias: 'o', namespace: 'oprnamespace', where: 'o.oprcode <> 0' },
  is: `'function', ${toName('o.oprcode', 'regprocedure')}, 'result', ${toName('o.oprresult', 'regtype')},
    'commutator', ${toName('o.oprcom', 'regoperator')}, 'negator', ${toName('o.oprnegate', 'regoperator')},
    'restriction estimator', ${toName('o.oprrest', 'regprocedure')}, 'join estimator', ${toName('o.oprjoin', 'regprocedure')},
    'merges', ${yes('o.oprcanmerge')}, 'hashes', ${yes('o.oprcanhash')}`,
});

/** Its own members; those that belong to one of its classes as well. */
const OPERATOR_FAMILIES = ofKind({
  ...{ kind: 'operator family', catalog: 'pg_opfamily', alias: 'f', namespace: 'opfnamespace' },
  is: `'operators', (
      SELECT string_agg(a.amopstrategy || ' ' || a.amopopr::regoperator || CASE WHEN a.amopsortfamily = 0 THEN '' ELSE
        ' for order by ' || ${identity('pg_opfamily', 'a.amopsortfamily')} END, E'\\n'
        ORDER BY a.amopstrategy, a.amopopr::regoperator::text COLLATE "C")
      FROM pg_amop a WHERE a.amopfamily = f.oid
    ), 'functions', (
      SELECT string_agg(a.amprocnum || ' (' || format_type(a.amproclefttype, NULL) || ', ' || format_type(a.amprocrighttype, NULL) || ') '
        || a.amproc::oid::regprocedure, E'\\n' ORDER BY a.amprocnum, a.amproc::oid::regprocedure::text COLLATE "C")
      FROM pg_amproc a WHERE a.amprocfamily = f.oid
    )`,
});

const OPERATOR_CLASSES = ofKind({
  ...{ kind: 'operator class', catalog: 'pg_opclass', alias: 'o', namespace: 'opcnamespace' },
  is: `'type', format_type(o.opcintype, NULL), 'default', ${yes('o.opcdefault')},
    'storage', CASE WHEN o.opckeytype <> 0 THEN format_type(o.opckeytype, NULL) END, 'family', ${identity('pg_opfamily', 'o.opcfamily')}`,
});

const CASTS = ofKind({
  ...{ kind: 'cast', catalog: 'pg_cast', alias: 'c' },
  is: `'function', ${toName('c.castfunc', 'regprocedure')}, 'method', c.castmethod::text, 'context', c.castcontext::text`,
});

/** The locale's column has another name before 17. */
const COLLATIONS = ofKind({
  ...{ kind: 'collation', catalog: 'pg_collation', alias: 'c', namespace: 'collnamespace' },
  is: `'provider', c.collprovider::text, 'deterministic', CASE WHEN NOT c.collisdeterministic THEN 'no' END,
    'LC_COLLATE', c.collcollate, 'LC_CTYPE', c.collctype,
    'locale', coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'), 'rules', to_jsonb(c) ->> 'collicurules'`,
});

const CONVERSIONS = ofKind({
  ...{ kind: 'conversion', catalog: 'pg_conversion', alias: 'c', namespace: 'connamespace' },
  is: `'from', pg_encoding_to_char(c.conforencoding), 'to', pg_encoding_to_char(c.contoencoding),
    'function', ${toName('c.conproc', 'regprocedure')}, 'default', ${yes('c.condefault')}`,
});

const TEXT_SEARCH = [
  ofKind({
    ...{ kind: 'text search configuration', catalog: 'pg_ts_config', alias: 'c', namespace: 'cfgnamespace' },
    is: `'parser', ${identity('pg_ts_parser', 'c.cfgparser')}, 'mappings', (
      SELECT string_agg(k.alias || ' ' || m.mapseqno || ' ' || m.mapdict::regdictionary, E'\\n' ORDER BY k.alias, m.mapseqno)
      FROM pg_ts_config_map m JOIN ts_token_type(c.cfgparser) k ON k.tokid = m.maptokentype WHERE m.mapcfg = c.oid
    )`,
  }),
  ofKind({
    ...{ kind: 'text search dictionary', catalog: 'pg_ts_dict', alias: 'd', namespace: 'dictnamespace' },
    is: `'template', ${identity('pg_ts_template', 'd.dicttemplate')}, 'initialization', d.dictinitoption`,
  }),
  ofKind({
    ...{ kind: 'text search parser', catalog: 'pg_ts_parser', alias: 'p', namespace: 'prsnamespace' },
    is: `'start', ${toName('p.prsstart', 'regprocedure')}, 'token', ${toName('p.prstoken', 'regprocedure')},
      'end', ${toName('p.prsend', 'regprocedure')}, 'headline', ${toName('p.prsheadline', 'regprocedure')},
      'types', ${toName('p.prslextype', 'regprocedure')}`,
  }),
  ofKind({
    ...{ kind: 'text search template', catalog: 'pg_ts_template', alias: 't', namespace: 'tmplnamespace' },
    is: `'initialization', ${toName('t.tmplinit', 'regprocedure')}, 'lexize', ${toName('t.tmpllexize', 'regprocedure')}`,
  }),
];

/** Of user mappings only that they are there: most of their options are passwords. */
const FOREIGN = [
  ofKind({
    ...{ kind: 'foreign-data wrapper', catalog: 'pg_foreign_data_wrapper', alias: 'f' },
    is: `'handler', ${toName('f.fdwhandler', 'regprocedure')}, 'validator', ${toName('f.fdwvalidator', 'regprocedure')},
      'options', ${toOptions('f.fdwoptions')}`,
  }),
  ofKind({
    ...{ kind: 'server', catalog: 'pg_foreign_server', alias: 's' },
    is: `'wrapper', (SELECT quote_ident(w.fdwname) FROM pg_foreign_data_wrapper w WHERE w.oid = s.srvfdw),
      'type', s.srvtype, 'version', s.srvversion, 'options', ${toOptions('s.srvoptions')}`,
  }),
  `
  SELECT 'user mapping', quote_ident(coalesce(nullif(u.usename, ''), 'public')) || ' on server ' || quote_ident(u.srvname), NULL,
    '{}'::jsonb, NULL
  FROM pg_user_mappings u`,
];

const LANGUAGES = [
  ofKind({
    ...{ kind: 'language', catalog: 'pg_language', alias: 'l' },
    is: `'handler', ${toName('l.lanplcallfoid', 'regprocedure')}, 'inline', ${toName('l.laninline', 'regprocedure')},
      'validator', ${toName('l.lanvalidator', 'regprocedure')}, 'trusted', ${yes('l.lanpltrusted')}`,
  }),
  ofKind({
    ...{ kind: 'transform', catalog: 'pg_transform', alias: 't' },
    is: `'from SQL', ${toName('t.trffromsql', 'regprocedure')}, 'to SQL', ${toName('t.trftosql', 'regprocedure')}`,
  }),
  ofKind({
    ...{ kind: 'access method', catalog: 'pg_am', alias: 'a' },
    is: `'type', a.amtype::text, 'handler', ${toName('a.amhandler', 'regprocedure')}`,
  }),
];

/** What lives in no schema, or in few databases. */
export const OF_RARE_KINDS: readonly string[] = [
  ...[OPERATORS, OPERATOR_FAMILIES, OPERATOR_CLASSES, CASTS, COLLATIONS, CONVERSIONS],
  ...[...TEXT_SEARCH, ...FOREIGN, ...LANGUAGES],
];
