import { hostsOf, isSocketFolder, type PgConnection } from './connection.js';
import { givenPassword, passFileOf } from './password.js';
import { findTlsFiles } from './tls.js';

/** application_name is cut at 63 bytes by the server, with a notice: cut before. */
export const toApplicationName = (name: string): string => Buffer.from(name).subarray(0, 63).toString('utf8');

/** For a server that swallows packets. */
export const CONNECT_TIMEOUT_SECONDS = 15;

/** Run-time parameters as libpq takes them at the start of a session: after those of the url, so that ours win. */
export const toPgOptions = (
  { options }: PgConnection,
  settings: Readonly<Record<string, string>>,
): string | undefined => {
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  return [...(options === undefined ? [] : [options]), ...ours].join(' ') || undefined;
};

/**
 * libpq's view of a connection, for the environment of one child: nothing of it is in argv, where every user of the machine could read it.
 * The password is in the environment rather than in a pass file: a child killed by SIGKILL leaves no file behind.
 * Throws: postgres.tls.
 */
export function toPgEnvironment(
  connection: PgConnection,
  applicationName: string,
  settings: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const hosts = hostsOf(connection);
  const join = (parts: readonly (string | number | undefined)[]): string | undefined =>
    parts.every((part) => part === undefined) ? undefined : parts.map((part) => part ?? '').join(',');
  const password = givenPassword(connection);
  // Where none is used, a libpq built without TLS need not hear of it.
  const sslMode = hosts.every(({ host }) => isSocketFolder(host)) ? 'disable' : connection.sslMode;
  const files = sslMode === 'disable' ? undefined : findTlsFiles(connection);
  return defined({
    PGHOST: join(hosts.map(({ host }) => host)),
    PGHOSTADDR: join(hosts.map(({ hostAddress }) => hostAddress)),
    PGPORT: join(hosts.map(({ port }) => port)),
    PGTARGETSESSIONATTRS: connection.targetSession === 'any' ? undefined : connection.targetSession,
    PGUSER: connection.user,
    PGDATABASE: connection.database,
    PGPASSWORD: password,
    PGPASSFILE: password === undefined ? passFileOf(connection) : undefined,
    PGSSLMODE: sslMode,
    PGSSLROOTCERT: files?.rootCert,
    PGSSLCERT: files?.cert,
    PGSSLKEY: files?.key,
    PGSSLCRL: files?.crl,
    PGSSLMINPROTOCOLVERSION: connection.tlsMinVersion,
    PGSSLMAXPROTOCOLVERSION: connection.tlsMaxVersion,
    PGCHANNELBINDING: connection.channelBinding,
    // The driver has none: libpq would try it where a ticket lies about.
    PGGSSENCMODE: 'disable',
    PGCONNECT_TIMEOUT: String(connection.connectTimeoutSeconds ?? CONNECT_TIMEOUT_SECONDS),
    PGAPPNAME: toApplicationName(applicationName),
    PGOPTIONS: toPgOptions(connection, settings),
  });
}

/** A database name as libpq reads it where a connection string is possible: `a=b` would be taken for one. */
export const toConnInfo = (database: string): string => `dbname='${database.replace(/[\\']/g, '\\$&')}'`;

const defined = (variables: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
