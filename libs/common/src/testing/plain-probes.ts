/** The probes of a restored PostgreSQL database that compare it with its backup and need no parameters. */
export const PLAIN_PROBES: readonly string[] = [
  ...['checksums', 'archive-list', 'row-counts', 'fingerprints'],
  ...['schema', 'sequences', 'extensions', 'privileges'],
];
