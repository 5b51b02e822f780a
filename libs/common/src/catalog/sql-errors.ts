import { QueryFailedError } from 'typeorm';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

/** What a failed statement means for its transaction. Source: PostgreSQL, appendix A; graphile/worker's table. */
export type SqlFailure = 'repeat' | 'unavailable' | 'refused' | 'other';

/** serialization_failure, deadlock_detected, lock_not_available: the same closure in a new transaction may pass. */
const REPEAT = new Set(['40001', '40P01', '55P03']);
/**
 * query_canceled, admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_in_transaction_session_timeout; and
 * read_only_sql_transaction: a standby answers, until an operator promotes it or leads us elsewhere.
 */
const UNAVAILABLE = new Set(['57014', '57P01', '57P02', '57P03', '57P04', '25P03', '25006']);
/** Connection exception; insufficient resources (a full disk, no memory, too many connections); an input or output error. */
const UNAVAILABLE_CLASSES = new Set(['08', '53', '58']);
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);
/** invalid_password, invalid_authorization_specification, invalid_catalog_name, and ours: waiting does not help. */
const REFUSED = new Set(['28P01', '28000', '3D000', 'postgres.auth', 'postgres.tls', 'postgres.pooled']);

export function classifySqlError(error: unknown): SqlFailure {
  const { sqlState: code } = driverErrorOf(error);
  if (code === undefined) return 'other';
  if (REPEAT.has(code)) return 'repeat';
  if (REFUSED.has(code)) return 'refused';
  const isUnavailable = UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || NETWORK.has(code);
  return isUnavailable ? 'unavailable' : 'other';
}

/** An error for callers: ours unchanged, the database's with its SQLSTATE, never with the statement's values. */
export function toCatalogError(error: unknown, isUnavailable = classifySqlError(error) !== 'other'): AppError {
  const isOfTheWay = error instanceof AppError && error.code.startsWith('postgres.');
  if (error instanceof AppError && !isOfTheWay) return error;
  const { message, ...context } = driverErrorOf(error);
  if (isUnavailable) {
    const hint = isOfTheWay ? { hint: error.hint } : {};
    return new AppError('catalog.unavailable', `the catalog does not answer: ${message}`, context, {
      cause: error,
      ...hint,
    });
  }
  return new AppError('internal.bug', `the catalog refused a statement: ${message}`, context, { cause: error });
}

export const isSqlError = (error: unknown): boolean => error instanceof QueryFailedError;

interface DriverFacts {
  readonly message: string;
  readonly sqlState?: string;
  readonly constraint?: string;
}

function driverErrorOf(error: unknown): DriverFacts {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  // Several addresses behind one name: node reports every refused connection in one AggregateError.
  const first: unknown = source instanceof AggregateError ? source.errors[0] : source;
  if (!(first instanceof Error)) return { message: toText(first) };
  const { code, constraint } = first as { code?: unknown; constraint?: unknown };
  return {
    message: first.message,
    ...(typeof code === 'string' ? { sqlState: code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
  };
}
