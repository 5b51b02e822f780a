import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '#common/errors/app-error.js';
import { isSocketFolder, type PgConnection } from './connection.js';

/** No settings of Holdfast's: operators set them for psql, and expect of a backup tool that it reads them like psql. */
// biome-ignore lint/style/noProcessEnv: libpq's own variables, which are read where libpq reads them: at each connection.
const libpqVariable = (name: 'PGPASSWORD' | 'PGPASSFILE'): string | undefined => process.env[name] || undefined;

/** Of the url, else PGPASSWORD: what needs no file. */
export const givenPassword = ({ password }: PgConnection): string | undefined =>
  password ?? libpqVariable('PGPASSWORD');

export const passFileOf = ({ passFile }: PgConnection): string =>
  passFile ?? libpqVariable('PGPASSFILE') ?? join(homedir(), '.pgpass');

/** What the driver asks for once the server wants a password. Throws: postgres.auth, saying where one was looked for. */
export function findPassword(connection: PgConnection): string {
  const given = givenPassword(connection);
  if (given !== undefined) return given;
  const file = passFileOf(connection);
  const password = readPassFile(file, connection);
  if (password !== undefined) return password;
  throw new AppError(
    'postgres.auth',
    `the server wants a password for ${connection.user}, and neither the url nor PGPASSWORD nor ${file} has one`,
    { passFile: file },
  );
}

/** The first line that fits, by libpq's rules. Source: PostgreSQL "The Password File". */
function readPassFile(file: string, connection: PgConnection): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  if ((stat.mode & 0o077) !== 0)
    throw new AppError(
      'postgres.auth',
      `others may read ${file}, so libpq takes no password from it`,
      {},
      {
        hint: `Run \`chmod 600 ${file}\`.`,
      },
    );
  const { host, port, database, user } = connection;
  const hosts = isSocketFolder(host) ? [host, 'localhost'] : [host];
  for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = splitLine(line);
    if (fields === undefined) continue;
    const [lineHost, ...rest] = fields;
    const fits = [String(port), database, user].every((value, index) => ['*', value].includes(rest[index] ?? ''));
    if (fits && ['*', ...hosts].includes(lineHost)) return fields[4];
  }
  return undefined;
}

/** Five fields between colons; `\:` and `\\` stand for themselves. */
function splitLine(line: string): readonly [string, string, string, string, string] | undefined {
  const fields = line.match(/(?:\\.|[^\\:])*(?::|$)/gs)?.map((field) => field.replace(/:$/, '')) ?? [];
  const [host, port, database, user, password] = fields.map((field) => field.replace(/\\(.)/gs, '$1'));
  if (host === undefined || port === undefined || database === undefined || user === undefined) return undefined;
  return password === undefined || password === '' ? undefined : [host, port, database, user, password];
}
