import { AppError } from '#common/errors/app-error.js';

/** The parts of a connection URI as they are written, nothing unescaped but the parameters. */
export interface PgUrlParts {
  readonly user: string;
  readonly password: string;
  /** `host:port`, `[::1]:5432`, `%2Frun%2Fpostgresql`; empty where the parameters name the hosts. */
  readonly hosts: readonly string[];
  readonly database: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const FORM = /^postgres(?:ql)?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;

/**
 * Splits libpq's URI. The parsers of the web refuse its lists of hosts and cut it at `#`, which may stand in a password.
 * Throws: config.invalid; no message repeats more than a parameter's name, for the rest may hold a password.
 * Source: PostgreSQL "Connection URIs".
 */
export function splitPgUrl(text: string): PgUrlParts {
  const [, authority, path = '', query = ''] = FORM.exec(text) ?? [];
  if (authority === undefined)
    throw new AppError('config.invalid', 'a PostgreSQL url must look like postgres://user:password@host:5432/database');
  const at = authority.lastIndexOf('@');
  const login = at < 0 ? '' : authority.slice(0, at);
  const colon = login.indexOf(':');
  const hosts = authority.slice(at + 1);
  return {
    user: colon < 0 ? login : login.slice(0, colon),
    password: colon < 0 ? '' : login.slice(colon + 1),
    hosts: hosts === '' ? [] : hosts.split(','),
    database: path,
    parameters: toParameters(query),
  };
}

function toParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const equals = pair.indexOf('=');
    const name = unescapePart(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : unescapePart(pair.slice(equals + 1));
    if (value === '') throw new AppError('config.invalid', `the parameter "${name}" of a PostgreSQL url has no value`);
    if (parameters.has(name))
      throw new AppError('config.invalid', `a PostgreSQL url has the parameter "${name}" twice`);
    parameters.set(name, value);
  }
  return parameters;
}

export function unescapePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    const hint =
      'Write a percent sign in the user, password or database of a url as %25, and other special characters alike.';
    throw new AppError('config.invalid', 'a PostgreSQL url has a % that is no escape', {}, { hint });
  }
}

export const isPgUrl = (text: string): boolean => /^postgres(ql)?:/.test(text);

/** As they are written, also in a url that cannot be used. */
export const pgPasswordsIn = (text: string): string[] => [
  /^[^/]*\/\/[^/?]*?:([^/?]*)@/.exec(text)?.[1] ?? '',
  /[?&]password=([^&]*)/.exec(text)?.[1] ?? '',
];
