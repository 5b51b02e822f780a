/** Subscriptions name another server and its password, and cannot be dropped in a transaction: what there is stays as it is. */
const LEFT_OUT =
  /^\d+; \d+ \d+ (?:EXTENSION|COMMENT - EXTENSION|SUBSCRIPTION|SUBSCRIPTION TABLE|COMMENT - SUBSCRIPTION) /;
const LATE = /^\d+; \d+ \d+ (?:ROW SECURITY|MATERIALIZED VIEW DATA) /;
const SCHEMA = /^\d+; \d+ \d+ SCHEMA - /;

/**
 * The archive's table of contents as pg_restore --use-list takes it. Without extensions: they are created beforehand by the
 * administrator, because the role that will own the data may not be allowed to. Without the schemas that are there already:
 * they may hold what the backup does not know, and an extension cannot do without its own.
 */
export function toRestoreList(listing: string, presentSchemas: readonly string[]): string {
  const schemas = presentSchemas.map((name) => ` SCHEMA - ${name.replaceAll(/[\r\n]/g, ' ')} `);
  const isPresent = (line: string): boolean => SCHEMA.test(line) && schemas.some((schema) => line.includes(schema));
  return listing
    .split('\n')
    .filter((line) => !LEFT_OUT.test(line) && !isPresent(line))
    .join('\n');
}

/**
 * The list in two parts. Parallel jobs switch row-level security on as soon as a table has its rows; a foreign key that is added after
 * that is checked with the eyes of its owner, whom a policy may bind. In the archive's own order security comes last, so it does here.
 */
export function splitRestoreList(list: string): { early: string; late: string } {
  const lines = list.split('\n');
  const late = lines.filter((line) => LATE.test(line));
  return { early: lines.filter((line) => !LATE.test(line)).join('\n'), late: late.join('\n') };
}
