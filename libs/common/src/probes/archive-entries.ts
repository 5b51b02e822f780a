/** `4213; 1259 16402 TABLE public orders shop_owner`, without the numbers. */
const ENTRY = /^\d+; \d+ \d+ (.+)$/;

export interface ArchiveEntry {
  readonly kind: 'TABLE' | 'TABLE DATA';
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
}

/** What an archive holds, by its own listing. */
export interface ArchiveEntries {
  readonly count: number;
  has(entry: ArchiveEntry): boolean;
}

/**
 * Reads `pg_restore --list`. A line is `KIND schema name owner` with nothing quoted, and any of them may hold spaces: a line is
 * looked up as a whole, never taken apart.
 */
export function parseArchiveList(listing: string): ArchiveEntries {
  const lines = listing.split('\n').flatMap((line) => ENTRY.exec(line)?.[1] ?? []);
  const known = new Set(lines);
  return {
    count: lines.length,
    has: ({ kind, schema, name, owner }) => known.has(`${kind} ${schema} ${name} ${owner}`),
  };
}
