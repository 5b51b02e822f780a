import pg from 'pg';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import { toText } from '#common/errors/printable.js';
import { isTlsRefusal } from '#common/pg/client.js';
import { type PgConnection, toPgLabel } from '#common/pg/connection.js';

/** SQLSTATE → our code. Whole classes (two characters) come after single states. Source: PostgreSQL, appendix A. */
const BY_SQLSTATE: Readonly<Record<string, Code>> = {
  '28000': 'postgres.auth',
  '28P01': 'postgres.auth',
  '3D000': 'postgres.database-missing',
  '40001': 'postgres.conflict',
  '40P01': 'postgres.conflict',
  '42501': 'postgres.permission',
  '53100': 'postgres.disk-full',
  '53300': 'postgres.busy',
  '55P03': 'postgres.locked',
  '57P01': 'postgres.unreachable',
  '57P02': 'postgres.unreachable',
  '57P03': 'postgres.unreachable',
  '57P05': 'postgres.unreachable',
  '08': 'postgres.unreachable',
};

/** What Node's TLS says about a certificate it does not accept. */
const TLS_ERROR = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$)/;

/**
 * Any error of a `pg` client as ours. The server's own message is kept, its detail is not: it may quote rows.
 * `doing` says what was tried: "connect to", "lock the tables of".
 */
export function toPgError(error: unknown, connection: PgConnection, doing: string): AppError {
  if (error instanceof AppError) return error;
  const { host, port, user, database } = connection;
  const context = { host, port, user, database, ...toState(error) };
  return new AppError(toCode(error), `cannot ${doing} ${toPgLabel(connection)}: ${toText(error)}`, context, {
    cause: error,
  });
}

/** What PostgreSQL itself answered: sessions wrap it. */
export function toDatabaseError(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof AppError) return toDatabaseError(error.cause);
  return error instanceof pg.DatabaseError ? error : undefined;
}

export const sqlStateOf = (error: unknown): string | undefined => toDatabaseError(error)?.code;

/** Also for states that a child printed. Undefined for those that say nothing about what to do next. */
export const toCodeOfState = (state: string): Code | undefined => BY_SQLSTATE[state] ?? BY_SQLSTATE[state.slice(0, 2)];

function toCode(error: unknown): Code {
  const state = sqlStateOf(error);
  if (state !== undefined) return toCodeOfState(state) ?? 'postgres.query';
  const { code = '' } = error as NodeJS.ErrnoException;
  if (TLS_ERROR.test(code) || isTlsRefusal(error)) return 'postgres.tls';
  // Everything else that is not an answer of the server is the way to it: refused, reset, timed out, ended early.
  return 'postgres.unreachable';
}

function toState(error: unknown): Record<string, string> {
  const state = sqlStateOf(error);
  if (state !== undefined) return { sqlState: state };
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? { errno: code } : {};
}
