import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import type { Complaint } from './errors.js';

const COPY_FAILED = /^COPY failed for table /;
/** `3421; 0 16390 TABLE DATA public invoice shop_owner`, as `pg_restore --list` prints an entry. */
const LISTED =
  /^(\d+); \d+ \d+ (TABLE DATA|MATERIALIZED VIEW DATA|FK CONSTRAINT|[A-Z]+(?: [A-Z]+)*) (?:-|(\S+)) (.+) \S+$/;
const KINDS: Readonly<Record<string, string>> = {
  'TABLE DATA': 'table',
  'MATERIALIZED VIEW DATA': 'materialized view',
};

export const isRefusedRow = ({ message }: Complaint): boolean => COPY_FAILED.test(message);

/** Whether PostgreSQL refused rows that it might take when the tables they are checked against are filled first. */
export const hasRefusedRows = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'restore.failed' && error.context['hasRefusedRows'] === true;

export interface FailureOptions {
  /** What pg_restore was given: it names the entries. */
  readonly list: string;
  /** How many more complaints there were than are kept. */
  readonly unkept: number;
  /** Whether another order could help: there were several jobs. */
  readonly isParallel: boolean;
}

/**
 * The objects that could not be restored, each with PostgreSQL's first reason: one cause may show at many places. The number that the
 * message tells includes those whose reasons are not kept.
 */
export function toRestoreFailure(
  complaints: readonly Complaint[],
  { list, unkept, isParallel }: FailureOptions,
): AppError {
  const labels = toLabels(list);
  const reasons = new Map<string, string>();
  for (const { message, entry } of complaints) {
    const label = entry === undefined ? undefined : labels.get(entry);
    const reason = label === undefined ? message : `${label}: ${toReason(message)}`;
    if (!reasons.has(label ?? message)) reasons.set(label ?? message, reason);
  }
  const errors = [...reasons.values()];
  const errorCount = errors.length + unkept;
  const shown = toShortList(errors, { total: errorCount, separator: '; ' });
  const refused = isParallel && complaints.some(isRefusedRow);
  const context = { errors, errorCount, ...(refused ? { hasRefusedRows: true } : {}) };
  const what = shown || 'pg_restore failed without naming an error';
  return new AppError('restore.failed', `${what}; the unfinished database is dropped`, context);
}

/** What PostgreSQL said, without what pg_restore was doing. */
const toReason = (message: string): string => message.replace(/^.*?ERROR: +/, '');

function toLabels(list: string): Map<number, string> {
  const labels = new Map<number, string>();
  for (const line of list.split('\n')) {
    const [, number, kind = '', schema, name = ''] = LISTED.exec(line) ?? [];
    if (number === undefined) continue;
    labels.set(
      Number(number),
      `${KINDS[kind] ?? kind.toLowerCase()} ${schema === undefined ? '' : `${schema}.`}${name}`,
    );
  }
  return labels;
}
