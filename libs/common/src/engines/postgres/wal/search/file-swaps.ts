import type { RelationFile, WalEntry } from './wal-line.js';

/** A transaction that gave relations other files, or removed them. */
export interface FileSwap {
  readonly xid: string;
  /** In the order in which the transaction made them. */
  readonly made: readonly RelationFile[];
  readonly gone: readonly RelationFile[];
  readonly dropped: readonly RelationFile[];
}

/** How one relation came to another file: `truncate` leaves its rows behind, `rewrite` brings them along (VACUUM FULL, ALTER TABLE …). */
export interface FileStep {
  readonly by: 'truncate' | 'rewrite';
  readonly before: RelationFile;
  readonly after: RelationFile;
}

/**
 * What became of the files of a transaction, as far as its records tell. A rewrite fills a relation of its own, whose number is that of its file,
 * and throws it away; a TRUNCATE makes one file for each that it removes, and PostgreSQL names what is removed in reverse.
 */
export function stepsOf({ made, gone, dropped }: FileSwap): readonly FileStep[] {
  const passing = made.filter((file) => dropped.includes(file));
  const [after] = passing;
  const [before] = gone;
  if (after !== undefined && before !== undefined) return [{ by: 'rewrite', before, after }];
  if (made.length !== gone.length) return [];
  return gone.toReversed().map((file, at) => ({ by: 'truncate', before: file, after: made[at] as RelationFile }));
}

export interface FollowedFiles {
  readonly files: readonly RelationFile[];
  /** The transaction behind which, or before which, the relation's files are not known. */
  readonly lostAt?: string;
}

/** A relation's files from now back to the first of these transactions; its newest is known. */
export function followBack(swaps: readonly FileSwap[], newest: RelationFile, first: RelationFile): FollowedFiles {
  const files = [newest];
  for (const swap of swaps.toReversed()) {
    const current = files.at(-1) as RelationFile;
    if (!swap.made.includes(current)) continue;
    const before = stepsOf(swap).find(({ after }) => after === current)?.before ?? originalIn(swap.gone, first);
    if (before !== undefined) files.push(before);
    // Where nothing went, the relation itself was made.
    else return swap.gone.length === 0 ? { files } : { files, lostAt: swap.xid };
  }
  return { files };
}

/** A relation's files from the first of these transactions on; its oldest is known. */
export function followOn(swaps: readonly FileSwap[], oldest: RelationFile, relation: RelationFile): FollowedFiles {
  const files = [oldest];
  for (const swap of swaps) {
    const current = files.at(-1) as RelationFile;
    if (!swap.gone.includes(current)) continue;
    const after = stepsOf(swap).find(({ before }) => before === current)?.after;
    if (after !== undefined) files.push(after);
    else return swap.dropped.includes(relation) ? { files } : { files, lostAt: swap.xid };
  }
  return { files };
}

/** A relation that was never rewritten has a file of its own number. */
const originalIn = (gone: readonly RelationFile[], relation: RelationFile): RelationFile | undefined =>
  gone.find((file) => file === relation);

/** Subtransactions take turns: the order of their records is that of the whole. */
export const inOrder = (made: readonly (readonly [at: number, file: RelationFile])[]): RelationFile[] =>
  made.toSorted(([a], [b]) => a - b).map(([, file]) => file);

/** Reads records in their order and keeps the transactions that gave relations other files. */
export class SwapCollector {
  readonly swaps: FileSwap[] = [];
  private readonly made = new Map<string, (readonly [at: number, file: RelationFile])[]>();
  private position = 0;

  add(entry: WalEntry): void {
    if (entry.kind === 'made') {
      this.position += 1;
      this.made.set(entry.xid, [...(this.made.get(entry.xid) ?? []), [this.position, entry.file]]);
    }
    if (entry.kind !== 'commit' && entry.kind !== 'abort') return;
    const own = [entry.xid, ...entry.subxids];
    const made = inOrder(own.flatMap((xid) => this.made.get(xid) ?? []));
    for (const xid of own) this.made.delete(xid);
    const { xid, gone, dropped } = entry;
    if (entry.kind === 'commit' && made.length + gone.length > 0) this.swaps.push({ xid, made, gone, dropped });
  }
}
