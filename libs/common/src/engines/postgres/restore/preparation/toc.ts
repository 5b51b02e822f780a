/** Subscriptions name another server and its password, and cannot be dropped in a transaction: what there is stays as it is. */
const LEFT_OUT =
  /^\d+; \d+ \d+ (?:EXTENSION|COMMENT - EXTENSION|SUBSCRIPTION|SUBSCRIPTION TABLE|COMMENT - SUBSCRIPTION) /;
const LATE = /^\d+; \d+ \d+ (?:ROW SECURITY|MATERIALIZED VIEW DATA) /;
const EVENT_TRIGGER = /^\d+; \d+ \d+ (?:(?:COMMENT|SECURITY LABEL) - )?EVENT TRIGGER /;
const SCHEMA = /^\d+; \d+ \d+ SCHEMA - (.*)$/;

/**
 * The archive's table of contents as pg_restore --use-list takes it. Without extensions: they are created beforehand by the
 * administrator, because the role that will own the data may not be allowed to. Without the schemas that are there already:
 * they may hold what the backup does not know, and an extension cannot do without its own. Event triggers come last of all: they
 * would fire for what follows them, and forbid it or write it down.
 */
export function toRestoreList(listing: string, presentSchemas: readonly ArchivedSchema[]): string {
  // The whole rest of the line: a name may hold anything, the name of another schema too.
  const present = new Set(presentSchemas.map(({ name, owner }) => toListed(`${name} ${owner}`)));
  const isPresent = (line: string): boolean => present.has(SCHEMA.exec(line)?.[1] ?? '');
  const lines = listing.split('\n').filter((line) => !LEFT_OUT.test(line) && !isPresent(line));
  const [others, eventTriggers] = partition(lines, (line) => EVENT_TRIGGER.test(line));
  return [...others, ...eventTriggers].join('\n');
}

/** Of a listing the lines of some entries. */
export const withEntries = (listing: string, entries: ReadonlySet<number>): string =>
  listing
    .split('\n')
    .filter((line) => entries.has(Number(/^(\d+);/.exec(line)?.[1] ?? -1)))
    .join('\n');

/** One schema of an archive. */
export interface ArchivedSchema {
  readonly name: string;
  readonly owner: string;
}

/** `pg_restore --list` prints each entry on one line. */
const toListed = (text: string): string => text.replaceAll(/[\r\n]/g, ' ');

/**
 * The list in two parts. Parallel jobs switch row-level security on as soon as a table has its rows; a foreign key that is added after
 * that is checked with the eyes of its owner, whom a policy may bind. In the archive's own order security comes last, so it does here.
 */
export function splitRestoreList(list: string): { early: string; late: string } {
  const [early, late] = partition(list.split('\n'), (line) => LATE.test(line) || EVENT_TRIGGER.test(line));
  return { early: early.join('\n'), late: late.join('\n') };
}

/** Those for which the answer is no, and those for which it is yes, each in their order. */
function partition(lines: readonly string[], isSecond: (line: string) => boolean): [string[], string[]] {
  return [lines.filter((line) => !isSecond(line)), lines.filter(isSecond)];
}
