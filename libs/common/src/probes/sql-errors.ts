import pg from 'pg';

const MISSING_OBJECT = new Set(['42P01', '42703', '42883', '42704', '3F000']);

/** What PostgreSQL itself answered: sessions wrap it. */
export function toDatabaseError(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error;
  return error instanceof Error && error.cause !== undefined ? toDatabaseError(error.cause) : undefined;
}

/** A relation, column, function, type or schema that the restored database lacks: a finding, not a failure to look. */
export function findMissingObject(error: unknown): string | undefined {
  const cause = toDatabaseError(error);
  return cause !== undefined && MISSING_OBJECT.has(cause.code ?? '') ? cause.message : undefined;
}
