import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { identifier, joined, literal, type Sql, sql } from '#common/pg/sql.js';

/** Of facts: in the place of a value that looks like a secret stands its digest. */
const HIDDEN = /^sha256:[0-9a-f]{64}$/;

/** Lists whose elements are quoted each. Source: pg_dump's variable_is_guc_list_quote. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

type Setting = SnapshotFacts['settings'][number];

/**
 * `ALTER DATABASE … SET` and, where what roles may do comes back, `ALTER ROLE … IN DATABASE … SET` of the backup. Those of roles alone
 * belong to the server.
 */
export const settingStatements = ({ settings }: SnapshotFacts, database: string, privileges: 'keep' | 'drop'): Sql[] =>
  settings
    .filter((setting) => setting.database !== null && !isHidden(setting))
    .filter(({ role }) => role === null || privileges === 'keep')
    .map((setting) => toSettingStatement(setting, database));

/** Settings whose values the backup does not hold: an operator sets them again. */
export const withheldSettings = ({ settings }: SnapshotFacts): string[] =>
  settings
    .filter((setting) => setting.database !== null && isHidden(setting))
    .map(({ role, setting }) => `${nameOf(setting)}${role === null ? '' : ` of role ${role}`}`);

/** `ALTER ROLE … SET` of the named roles, wherever they log in. */
export const roleSettingStatements = ({ settings }: SnapshotFacts, roles: readonly string[]): Sql[] =>
  settings
    .filter((setting) => setting.database === null && !isHidden(setting))
    .filter(({ role }) => role !== null && roles.includes(role))
    .map(({ role, setting }) => sql`ALTER ROLE ${identifier(role ?? '')} ${toSet(setting)}`);

/** Gives a database a setting as PostgreSQL keeps it for another one. */
export function toSettingStatement({ role, setting }: Pick<Setting, 'role' | 'setting'>, database: string): Sql {
  const of = identifier(database);
  const scope = role === null ? sql`DATABASE ${of}` : sql`ROLE ${identifier(role)} IN DATABASE ${of}`;
  return sql`ALTER ${scope} ${toSet(setting)}`;
}

function toSet(setting: string): Sql {
  const name = nameOf(setting);
  const value = setting.slice(name.length + 1);
  const values = LISTS.has(name.toLowerCase()) ? splitList(value) : [value];
  return sql`SET ${joined(name.split('.').map(identifier), sql`.`)} TO ${joined(values.map(literal))}`;
}

/** The elements of `"$user", public`. An empty list is one empty element. */
function splitList(value: string): string[] {
  const elements = [...value.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
  return elements.length === 0 ? [''] : elements;
}

const nameOf = (setting: string): string => setting.split('=', 1)[0] ?? '';
const isHidden = ({ setting }: Setting): boolean => HIDDEN.test(setting.slice(nameOf(setting).length + 1));
