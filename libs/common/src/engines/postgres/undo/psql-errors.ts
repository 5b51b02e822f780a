import { toCodeOfState } from '#common/engines/postgres/pg-errors.js';
import { Complaints } from '#common/engines/postgres/restore/program/errors.js';
import { withoutRows } from '#common/engines/postgres/restore/program/pg-restore.js';
import { AppError } from '#common/errors/app-error.js';

const HINTS: Readonly<Record<string, string>> = {
  '23503':
    'Rows that these refer to are gone as well: name their table too, with another --table, or leave these out with --where.',
  '23505':
    'Another row has taken the place meanwhile: leave out with --where what is not to come back, or free the value first.',
  '42501':
    'The role of the target must be allowed to write all rows of the table: its owner where row-level security is not forced, or a role with BYPASSRLS.',
};

/** What psql complained of, without any row; `state` says what became of the live database. */
export function toUndoError(lines: readonly string[], error: unknown, state: string): unknown {
  const complaints = new Complaints();
  for (const line of lines) complaints.read(line);
  const [first] = complaints.fatal;
  if (first === undefined) return withoutRows(error);
  const code = first.state === undefined || HINTS[first.state] !== undefined ? undefined : toCodeOfState(first.state);
  const hint = HINTS[first.state ?? ''];
  return new AppError(
    code ?? 'undo.failed',
    `${first.message}; ${state}`,
    { sqlState: first.state ?? null },
    hint === undefined ? {} : { hint },
  );
}
