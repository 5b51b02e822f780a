/** Entries that the restoring administrator has dealt with before pg_restore runs, or that only an extension's owner may touch. */
const DROPPED = /^\d+; \d+ \d+ (EXTENSION |COMMENT - EXTENSION )/;

/**
 * The archive's table of contents as pg_restore --use-list takes it, without extensions: they are created beforehand by the
 * administrator, because the role that will own the data may not be allowed to.
 */
export const toRestoreList = (listing: string): string =>
  listing
    .split('\n')
    .filter((line) => !DROPPED.test(line))
    .join('\n');
