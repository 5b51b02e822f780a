import type { ManifestObject } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';

const S3_LOCATION = /^s3:\/\/(.+?) at (?:(https?:\/\/\S+)|Amazon S3 in (\S+))$/;
const FILE_LOCATION = /^file:\/\/(\/.*)$/;

export interface MadeBackup {
  readonly objects: readonly ManifestObject[];
  readonly snapshot: SnapshotFacts;
  readonly tools: Readonly<Record<string, string>>;
}

/**
 * Shell commands that restore a backup with nothing of ours: fetch, check, unpack, create roles, create and fill the database.
 * To be run in an empty directory, against the server that PGHOST, PGPORT, PGUSER and PGPASSWORD name.
 */
export function toRestoreByHand({ objects, snapshot, tools }: MadeBackup, location: string): string[] {
  const [archive, roles] = ['database.dump', 'globals.sql'];
  const needed = objects.filter(({ name }) => [archive, roles].includes(toRawName(name)));
  const major = /\d+/.exec(tools['pg_dump']?.split(') ')[1] ?? '')?.[0] ?? '';
  const database = snapshot.database;
  const commands = [
    `# In an empty directory, with the client tools of PostgreSQL ${major} or newer; PGHOST, PGPORT, PGUSER and PGPASSWORD name the server and a superuser.`,
    ...(needed.some(({ encryption }) => encryption === 'age') ? [IDENTITY_NEEDED] : []),
    ...needed.map(({ key, name }) => toFetch(key, name, location)),
    ...needed.map(({ name, sha256 }) => `echo ${quote(`${sha256}  ${name}`)} | sha256sum --check`),
    ...needed.flatMap(toUnseal),
    '# Roles come without passwords: set them afterwards. "already exists" is harmless here.',
    `psql --dbname=postgres --file=${roles}`,
    `# Creates database ${JSON.stringify(database)} with its owner, settings and privileges; it must not exist yet.`,
    `pg_restore --create --dbname=postgres ${archive}`,
    '# Or under another name, without its settings and the rights on the database itself:',
    `#   createdb --template=template0 ${toLocaleOptions(snapshot)} restored && pg_restore --dbname=restored ${archive}`,
    `vacuumdb --analyze-only --dbname=${quote(toConnInfo(database))}`,
  ];
  // A line break in a name would end a comment and begin a command.
  return commands.map((line) => line.replace(/[\r\n]+/g, ' '));
}

const IDENTITY_NEEDED =
  '# The objects are encrypted: put an identity of one of the recipients into the file identity.txt.';

const toRawName = (name: string): string => name.replace(/\.age$/, '').replace(/\.zst$/, '');

/** Undone in the order opposite to that in which it was done. */
function toUnseal({ name, compression, encryption }: ManifestObject): string[] {
  const decrypted = name.replace(/\.age$/, '');
  return [
    ...(encryption === 'age' ? [`age --decrypt --identity identity.txt --output ${decrypted} ${name}`] : []),
    ...(compression === 'zstd' ? [`zstd -d ${decrypted}`] : []),
  ];
}

/** Credentials come from the operator's own environment or profile. */
function toFetch(key: string, name: string, location: string): string {
  const s3 = S3_LOCATION.exec(location);
  if (s3) {
    const [, place = '', endpoint, region = ''] = s3;
    const store = endpoint === undefined ? `--region ${quote(region)}` : `--endpoint-url ${quote(endpoint)}`;
    return `aws s3 cp ${quote(`s3://${withoutSlash(place)}/${key}`)} ${name} ${store}`;
  }
  const folder = FILE_LOCATION.exec(location)?.[1];
  if (folder !== undefined) return `cp ${quote(`${withoutSlash(folder)}/${key}`)} ${name}`;
  return `# fetch ${key} from ${location} as ${name}`;
}

const withoutSlash = (path: string): string => path.replace(/\/+$/, '');

function toLocaleOptions({ encoding, collation, characterType, localeProvider, locale }: SnapshotFacts): string {
  const options = [`--encoding=${encoding}`, `--lc-collate=${quote(collation)}`];
  options.push(`--lc-ctype=${quote(characterType ?? collation)}`);
  if (localeProvider === 'icu' && locale) options.push('--locale-provider=icu', `--icu-locale=${quote(locale)}`);
  if (localeProvider === 'builtin' && locale) {
    options.push('--locale-provider=builtin', `--builtin-locale=${quote(locale)}`);
  }
  return options.join(' ');
}

/** `a=b` as a database name would be read as a connection string. */
const toConnInfo = (database: string): string =>
  /[= ]|:\/\//.test(database) ? `dbname='${database.replace(/[\\']/g, '\\$&')}'` : database;

const quote = (text: string): string => (/^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
