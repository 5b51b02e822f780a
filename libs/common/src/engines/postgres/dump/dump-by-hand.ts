import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { MadeBackup } from '#common/engines/engine.js';
import { quoteArgument } from '#common/process/command.js';

/** Names of a dump's objects, unsealed. */
export const ARCHIVE = 'database.dump';
export const GLOBALS = 'globals.sql';

/** Where the files of an archive in directory format lie. */
export const FOLDER = 'database';

/** Creates roles, creates and fills the database, with the tools of PostgreSQL alone. `prefix`: of the names of the dump's objects. */
export function toCommandsByHand({ facts, tools }: MadeBackup<SnapshotFacts>, prefix = ''): readonly string[] {
  const [archive, globals] = [prefix + ARCHIVE, prefix + GLOBALS];
  const major = /\d+/.exec(tools['pg_dump']?.split(') ')[1] ?? '')?.[0] ?? '';
  const { database } = facts;
  const isDirectory = facts.archive === 'directory';
  const from = isDirectory ? `--jobs=2 ${FOLDER}` : archive;
  return [
    `# With the client tools of PostgreSQL ${major} or newer; PGHOST, PGPORT, PGUSER and PGPASSWORD name the server and a superuser.`,
    '# Roles come without passwords: set them afterwards. "already exists" is harmless here.',
    ...(isDirectory ? [`mkdir ${FOLDER}`, `mv toc.dat [0-9]*.dat ${FOLDER}/`] : []),
    `psql --dbname=postgres --file=${globals}`,
    `# Creates database ${JSON.stringify(database)} with its owner, settings and privileges; it must not exist yet.`,
    `pg_restore --create --dbname=postgres ${from}`,
    '# Or under another name, without its settings and the rights on the database itself:',
    `#   createdb --template=template0 ${toLocaleOptions(facts)} restored && pg_restore --dbname=restored ${from}`,
    `vacuumdb --analyze-only --dbname=${quoteArgument(toConnInfo(database))}`,
  ];
}

function toLocaleOptions({ encoding, collation, characterType, localeProvider, locale }: SnapshotFacts): string {
  const options = [`--encoding=${encoding}`, `--lc-collate=${quoteArgument(collation)}`];
  options.push(`--lc-ctype=${quoteArgument(characterType ?? collation)}`);
  if (localeProvider === 'icu' && locale)
    options.push('--locale-provider=icu', `--icu-locale=${quoteArgument(locale)}`);
  if (localeProvider === 'builtin' && locale) {
    options.push('--locale-provider=builtin', `--builtin-locale=${quoteArgument(locale)}`);
  }
  return options.join(' ');
}

/** `a=b` as a database name would be read as a connection string. */
const toConnInfo = (database: string): string =>
  /[= ]|:\/\//.test(database) ? `dbname='${database.replace(/[\\']/g, '\\$&')}'` : database;
