import { toDatabaseError } from '#common/engines/postgres/pg-errors.js';

const MISSING_OBJECT = new Set(['42P01', '42703', '42883', '42704', '3F000']);

/** A relation, column, function, type or schema that the restored database lacks: a finding, not a failure to look. */
export function findMissingObject(error: unknown): string | undefined {
  const cause = toDatabaseError(error);
  return cause !== undefined && MISSING_OBJECT.has(cause.code ?? '') ? cause.message : undefined;
}
