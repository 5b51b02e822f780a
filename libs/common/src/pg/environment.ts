import type { PgConnection } from './connection.js';

/** application_name is cut at 63 bytes by the server, with a notice: cut before. */
export const toApplicationName = (name: string): string => Buffer.from(name).subarray(0, 63).toString('utf8');

/**
 * libpq's view of a connection, for the environment of one child: nothing of it is in argv, where everybody could read it.
 * The password is in the environment rather than in a pass file: a child killed by SIGKILL leaves no file behind.
 */
export function toPgEnvironment(connection: PgConnection, applicationName: string): Record<string, string> {
  const { host, port, user, password, database, sslMode, sslRootCert } = connection;
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGSSLMODE: sslMode,
    PGCONNECT_TIMEOUT: '15',
    PGAPPNAME: toApplicationName(applicationName),
    ...(password === undefined ? {} : { PGPASSWORD: password }),
    ...(sslRootCert === undefined ? {} : { PGSSLROOTCERT: sslRootCert }),
  };
}

/** A database name as libpq reads it where a connection string is possible: `a=b` would be taken for one. */
export const toConnInfo = (database: string): string => `dbname='${database.replace(/[\\']/g, '\\$&')}'`;
