/** Subscriptions name another server and its password, and cannot be dropped in a transaction: what there is stays as it is. */
const LEFT_OUT =
  /^\d+; \d+ \d+ (?:EXTENSION|COMMENT - EXTENSION|SUBSCRIPTION|SUBSCRIPTION TABLE|COMMENT - SUBSCRIPTION) /;

/**
 * The archive's table of contents as pg_restore --use-list takes it. Without extensions: they are created beforehand by the
 * administrator, because the role that will own the data may not be allowed to. Without the schemas that are there already:
 * they may hold what the backup does not know, and an extension cannot do without its own.
 */
export function toRestoreList(listing: string, presentSchemas: readonly string[]): string {
  const schemas = presentSchemas.map((name) => ` SCHEMA - ${name.replaceAll(/[\r\n]/g, ' ')} `);
  return listing
    .split('\n')
    .filter((line) => !LEFT_OUT.test(line) && !schemas.some((schema) => isSchemaEntry(line, schema)))
    .join('\n');
}

const isSchemaEntry = (line: string, schema: string): boolean =>
  new RegExp(/^\d+; \d+ \d+ SCHEMA - /).test(line) && line.includes(schema);
