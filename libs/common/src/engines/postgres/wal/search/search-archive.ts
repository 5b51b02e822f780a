import { toLsn, toSegmentStart } from '#common/domain/wal.js';
import type { OpenedArchive } from '#common/engines/postgres/pitr/open-archive.js';
import type { TimelinePath } from '#common/engines/postgres/wal/wal-start.js';
import type { Keyring } from '#common/sealing/keyring.js';
import {
  type ChangeKind,
  type FoundTransaction,
  type KnownRelation,
  TransactionCollector,
} from './collect-transactions.js';
import { type FileSwap, followBack, followOn, SwapCollector } from './file-swaps.js';
import type { PlacedRelations } from './relations.js';
import { firstNumberSince, stretchesFrom, type WalHole } from './stretches.js';
import { parseWalLine, type RelationFile, type WalEntry } from './wal-line.js';
import { readWalText, type WalStretch, type WalTextDeps } from './wal-text.js';

export interface ArchiveSearch {
  /** Texts as `TransactionEnd` has them; both ends are part of the span. */
  readonly from: string;
  readonly to: string;
  readonly kinds: readonly ChangeKind[];
  /** Transactions that did less than this to a relation, all kinds together, are passed over. */
  readonly atLeast: number;
  /** So many are returned; the others are counted. */
  readonly limit: number;
  readonly placed: PlacedRelations;
  /** Whether relations had these files where the search begins, instead of now. */
  readonly isPlacedBefore: boolean;
  /** Whether relations that were not placed are of interest as well. */
  readonly isOfAll: boolean;
}

export interface SearchDeps extends Omit<WalTextDeps, 'archive' | 'patterns'> {
  readonly opened: OpenedArchive;
  readonly path: TimelinePath;
  readonly keyring: Keyring;
  /** Where to begin at the latest: where the relations were placed before. */
  readonly notAfter?: bigint | undefined;
  readonly onStage?: (stage: string) => void;
}

export interface SearchResult {
  readonly transactions: readonly FoundTransaction[];
  /** How many there are beside these. */
  readonly more: number;
  readonly read: { readonly from: string; readonly to: string } | null;
  /** In what was read. */
  readonly holes: readonly WalHole[];
  /** Whether commits behind the span were seen: if none were, the archive may end within it. */
  readonly isEndSeen: boolean;
  /** Relations whose files could not be followed across a transaction. */
  readonly lost: readonly { readonly relation: string; readonly xid: string }[];
}

/** A commit's time is taken before its record is written. */
const LATE_RECORDS_MS = 10_000;

/**
 * The transactions of a span of time that changed relations, read from archived WAL. Where relations have been given other files since they were placed
 * (TRUNCATE, VACUUM FULL, ALTER TABLE), WAL is read once more for these. Throws: backup.corrupt, engine.*, sealing.*; repository.*.
 */
export async function searchArchive(search: ArchiveSearch, d: SearchDeps): Promise<SearchResult> {
  const { index } = d.opened.archive;
  const first = firstOf(search, d);
  const { stretches, holes } = first === undefined ? { stretches: [], holes: [] } : stretchesFrom(index, d.path, first);
  const { files, lost } = await followFiles(search, stretches, d);
  const collector = new TransactionCollector({
    relations: files,
    othersOf: search.isOfAll ? search.placed.databaseOid : undefined,
  });
  const found = new Span(search);
  const read = first === undefined ? null : toLsn(toSegmentStart(first, index.segmentBytes));
  let readTo: string | null = read;
  d.onStage?.('search');
  for await (const entry of readEntries(stretches, toPatterns(search, files), d)) {
    const transaction = collector.add(entry);
    if (entry.kind === 'commit') readTo = entry.lsn;
    if (transaction !== undefined) found.add(transaction);
    if (entry.kind === 'commit' && found.isPast(entry.at)) break;
  }
  return {
    ...{ transactions: found.kept, more: found.more, holes, isEndSeen: found.isEndSeen, lost },
    read: read === null || readTo === null ? null : { from: read, to: readTo },
  };
}

function firstOf({ from }: ArchiveSearch, { opened, path, notAfter }: SearchDeps): bigint | undefined {
  const since = firstNumberSince(opened.archive.index, path, Date.parse(from));
  return since === undefined || notAfter === undefined || since < notAfter ? since : notAfter;
}

interface Followed {
  readonly files: ReadonlyMap<RelationFile, KnownRelation>;
  readonly lost: SearchResult['lost'];
}

async function followFiles(search: ArchiveSearch, stretches: readonly WalStretch[], d: SearchDeps): Promise<Followed> {
  const { placed, isPlacedBefore } = search;
  const files = new Map<RelationFile, KnownRelation>();
  const lost: { relation: string; xid: string }[] = [];
  const swaps = needsSwaps(search) ? await readSwaps(search, stretches, d) : [];
  for (const { file, oid, ...relation } of placed.relations) {
    const here = (number: string): RelationFile => `${placed.databaseOid}/${number}`;
    const followed = isPlacedBefore ? followOn(swaps, here(file), here(oid)) : followBack(swaps, here(file), here(oid));
    for (const each of followed.files) files.set(each, { ...relation, oid });
    if (followed.lostAt !== undefined && !relation.isToast)
      lost.push({ relation: relation.name, xid: followed.lostAt });
  }
  return { files, lost };
}

/** A relation that still has the file that it was made with has never had another. */
const needsSwaps = ({ placed, isPlacedBefore }: ArchiveSearch): boolean =>
  isPlacedBefore || placed.relations.some(({ oid, file, isToast }) => !isToast && oid !== file);

async function readSwaps(
  search: ArchiveSearch,
  stretches: readonly WalStretch[],
  d: SearchDeps,
): Promise<readonly FileSwap[]> {
  d.onStage?.('follow files');
  const collector = new SwapCollector();
  const span = new Span(search);
  for await (const entry of readEntries(stretches, [STORAGE, ENDS], d)) {
    collector.add(entry);
    if (search.isPlacedBefore && entry.kind === 'commit' && span.isPast(entry.at)) break;
  }
  return collector.swaps;
}

const STORAGE = '/^rmgr: Storage /';
const ENDS = '/^rmgr: Transaction /';
const RUNNING = '/ desc: (RUNNING_XACTS|CHECKPOINT_ONLINE|CHECKPOINT_SHUTDOWN) /';
/** More alternatives make a pattern slower than what it saves. */
const MOST_FILES = 40;

function toPatterns({ isOfAll, placed }: ArchiveSearch, files: Followed['files']): readonly string[] {
  const numbers = [...files.keys()].map((file) => file.slice(file.indexOf('/') + 1));
  const which = isOfAll || numbers.length > MOST_FILES ? '[0-9]+' : `(${numbers.join('|')})`;
  return [`/^rmgr: Heap.* rel [0-9]+\\/${placed.databaseOid}\\/${which} /`, STORAGE, ENDS, RUNNING];
}

async function* readEntries(
  stretches: readonly WalStretch[],
  patterns: readonly string[],
  { opened: { archive }, ...d }: SearchDeps,
): AsyncGenerator<WalEntry> {
  for (const stretch of stretches)
    for await (const line of readWalText(stretch, { ...d, archive, patterns })) {
      const entry = parseWalLine(line);
      if (entry !== undefined) yield entry;
    }
}

/** What is found within a span of time. */
class Span {
  readonly kept: FoundTransaction[] = [];
  more = 0;
  isEndSeen = false;
  private readonly stopAt: number;

  constructor(private readonly search: Pick<ArchiveSearch, 'from' | 'to' | 'kinds' | 'atLeast' | 'limit'>) {
    this.stopAt = Date.parse(search.to) + LATE_RECORDS_MS;
  }

  add(transaction: FoundTransaction): void {
    const { from, to, limit } = this.search;
    if (transaction.committedAt < from || transaction.committedAt > to) return;
    const relations = transaction.relations.filter(({ changes }) => this.isWanted(changes));
    if (relations.length === 0) return;
    if (this.kept.length < limit) this.kept.push({ ...transaction, relations });
    else this.more += 1;
  }

  isPast(at: string): boolean {
    this.isEndSeen ||= at > this.search.to;
    return Date.parse(at) > this.stopAt;
  }

  /** One TRUNCATE is more than any number of rows. */
  private isWanted(changes: FoundTransaction['relations'][number]['changes']): boolean {
    const { kinds, atLeast } = this.search;
    if (!kinds.some((kind) => changes[kind] !== undefined)) return false;
    const rows = (changes.delete ?? 0) + (changes.update ?? 0) + (changes.insert ?? 0);
    return rows >= atLeast || changes.truncate !== undefined || changes.drop !== undefined;
  }
}
