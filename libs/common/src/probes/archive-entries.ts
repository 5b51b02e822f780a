/** `4213; 1259 16402 TABLE public orders shop_owner`, without the numbers. */
const ENTRY = /^\d+; \d+ \d+ (.+)$/;

/** What an archive holds, by its own listing. */
export interface ArchiveEntries {
  readonly count: number;
  /** Whether there is an entry of a kind for a name: `TABLE DATA`, `public`, `orders`. */
  has(kind: 'TABLE' | 'TABLE DATA', schema: string, name: string): boolean;
}

/**
 * Reads `pg_restore --list`. A line is `KIND schema name owner` with nothing quoted, and all three may hold spaces: every way to
 * cut off an owner is kept, so that a name is looked up and never guessed.
 */
export function parseArchiveList(listing: string): ArchiveEntries {
  const known = new Set<string>();
  let count = 0;
  for (const line of listing.split('\n')) {
    const text = ENTRY.exec(line)?.[1];
    if (text === undefined) continue;
    count += 1;
    if (!text.startsWith('TABLE ')) continue;
    for (let cut = text.indexOf(' '); cut >= 0; cut = text.indexOf(' ', cut + 1)) known.add(text.slice(0, cut));
  }
  return { count, has: (kind, schema, name) => known.has(`${kind} ${schema} ${name}`) };
}
