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
  /** Whether there is one that was not taken before: two names may be listed alike. */
  take(entry: ArchiveEntry): boolean;
}

/**
 * Reads `pg_restore --list`. A line is `KIND schema name owner` with nothing quoted, and any of them may hold spaces: a line is
 * looked up as a whole, never taken apart. Line breaks in names are listed as spaces.
 */
export function parseArchiveList(listing: string): ArchiveEntries {
  const lines = listing.split('\n').flatMap((line) => ENTRY.exec(line)?.[1] ?? []);
  const left = new Map<string, number>();
  for (const line of lines) left.set(line, (left.get(line) ?? 0) + 1);
  return {
    count: lines.length,
    take: ({ kind, schema, name, owner }) => {
      const line = `${kind} ${schema} ${name} ${owner}`.replaceAll(/[\r\n]/g, ' ');
      const count = left.get(line) ?? 0;
      left.set(line, count - 1);
      return count > 0;
    },
  };
}
