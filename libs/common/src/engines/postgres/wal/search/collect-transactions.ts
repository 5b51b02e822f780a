import { justBefore } from '#common/domain/microseconds.js';
import { inOrder, stepsOf } from './file-swaps.js';
import type { RelationFile, RowChange, TransactionEnd, WalEntry } from './wal-line.js';

export const CHANGE_KINDS = ['delete', 'truncate', 'drop', 'update', 'insert', 'rewrite'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** How often a transaction did what to a relation; for rows: how many records of WAL. */
export type Changes = Partial<Readonly<Record<ChangeKind, number>>>;

/** A table, or whatever else has rows, whose files are known. */
export interface KnownRelation {
  /** As PostgreSQL prints it: `public.orders`. */
  readonly name: string;
  readonly oid: string;
  /** Holds long values of a table: what happens to it is said by what happens to the table. */
  readonly isToast: boolean;
}

export interface FoundChange {
  /** null: a relation that the server which was asked does not know. */
  readonly relation: string | null;
  /** Of the relation; where that is not known, of its file, and the two are the same until the relation is first rewritten. */
  readonly oid: string;
  readonly changes: Changes;
}

export interface FoundTransaction {
  readonly xid: string;
  readonly committedAt: string;
  /** Of the commit: a recovery up to it, exclusive, ends just before. */
  readonly lsn: string;
  /** The last instant at which nothing of it was there. */
  readonly justBefore: string;
  /** It began before what was read: it may have changed more than is counted. */
  readonly isCutShort: boolean;
  readonly relations: readonly FoundChange[];
}

interface Counts {
  readonly rows: Map<RelationFile, Map<RowChange, number>>;
  /** With the place of each in the order of all records. */
  readonly made: (readonly [at: number, file: RelationFile])[];
  readonly emptied: RelationFile[];
}

export interface CollectOptions {
  /** The files that are looked for. */
  readonly relations: ReadonlyMap<RelationFile, KnownRelation>;
  /** Also what is in none of them: files of relations that were dropped since. Of this database. */
  readonly othersOf: string | undefined;
}

/** Reads records in their order and tells what each transaction did when it commits. Holds what is open, and no more. */
export class TransactionCollector {
  private readonly open = new Map<string, Counts>();
  /** The first transaction that cannot have begun before what was read. */
  private firstWhole: bigint | undefined;
  private position = 0;

  constructor(private readonly o: CollectOptions) {}

  /** The transaction that this record commits, when it changed what is looked for. */
  add(entry: WalEntry): FoundTransaction | undefined {
    switch (entry.kind) {
      case 'running':
        this.firstWhole ??= BigInt(entry.nextXid);
        return undefined;
      case 'rows':
        this.addRows(entry);
        return undefined;
      case 'made':
        this.position += 1;
        this.of(entry.xid).made.push([this.position, entry.file]);
        return undefined;
      case 'emptied':
        if (this.isOfInterest(entry.file)) this.of(entry.xid).emptied.push(entry.file);
        return undefined;
      default:
        return this.end(entry);
    }
  }

  private addRows({ xid, file, change, rows }: Extract<WalEntry, { kind: 'rows' }>): void {
    if (!this.isOfInterest(file)) return;
    const own = this.of(xid).rows;
    const counts = own.get(file) ?? new Map<RowChange, number>();
    own.set(file, counts.set(change, (counts.get(change) ?? 0) + rows));
  }

  private isOfInterest(file: RelationFile): boolean {
    if (this.o.relations.has(file)) return true;
    const [database, number] = file.split('/');
    return database === this.o.othersOf && Number(number) >= FIRST_OF_USERS;
  }

  private of(xid: string): Counts {
    const known = this.open.get(xid) ?? { rows: new Map(), made: [], emptied: [] };
    this.open.set(xid, known);
    return known;
  }

  private end(end: TransactionEnd): FoundTransaction | undefined {
    const parts = [end.xid, ...end.subxids].flatMap((xid) => {
      const part = this.open.get(xid);
      this.open.delete(xid);
      return part === undefined ? [] : [part];
    });
    if (end.kind === 'abort') return undefined;
    const relations = this.toChanges(parts, end);
    if (relations.length === 0) return undefined;
    const { xid, at: committedAt, lsn } = end;
    const isCutShort = this.firstWhole === undefined || BigInt(xid) < this.firstWhole;
    return { xid, committedAt, lsn, justBefore: justBefore(committedAt), isCutShort, relations };
  }

  private toChanges(parts: readonly Counts[], { xid, gone, dropped }: TransactionEnd): FoundChange[] {
    const made = inOrder(parts.flatMap((part) => part.made));
    const steps = stepsOf({ xid, made, gone, dropped });
    const tally = new Tally(this.o);
    // What a rewrite puts into a file of its own was there before.
    const passing = new Set(made.filter((file) => dropped.includes(file)));
    for (const [file, changes] of parts.flatMap(({ rows }) => [...rows]))
      if (!passing.has(file)) tally.addRows(file, changes);
    // A file that the transaction made itself held nothing of before.
    const emptied = parts.flatMap((part) => part.emptied).filter((file) => !made.includes(file));
    for (const file of new Set(emptied)) tally.add(file, 'truncate');
    for (const { by, before } of steps) if (this.o.relations.has(before)) tally.add(before, by);
    for (const file of gone) if (this.isDropped(file, dropped)) tally.add(file, 'drop');
    const unknown = this.toUnknownDrop(dropped, made);
    return unknown === undefined ? tally.found : [...tally.found, unknown];
  }

  private isDropped(file: RelationFile, dropped: readonly RelationFile[]): boolean {
    const oid = this.o.relations.get(file)?.oid;
    return oid !== undefined && dropped.includes(`${databaseOf(file)}/${oid}` as RelationFile);
  }

  /** Relations that the server which was asked does not know, indexes and TOAST among them: the last that PostgreSQL names is the table. */
  private toUnknownDrop(dropped: readonly RelationFile[], made: readonly RelationFile[]): FoundChange | undefined {
    const { othersOf, relations } = this.o;
    if (othersOf === undefined) return undefined;
    const known = new Set([...relations.values()].map(({ oid }) => `${othersOf}/${oid}`));
    const own = dropped.filter((each) => databaseOf(each) === othersOf && !made.includes(each));
    const oid = own.at(-1)?.split('/')[1];
    return oid === undefined || own.some((each) => known.has(each))
      ? undefined
      : { relation: null, oid, changes: { drop: 1 } };
  }
}

/** What one transaction did, by relation. */
class Tally {
  private readonly byOid = new Map<string, { relation: KnownRelation | undefined; changes: Changes }>();

  constructor(private readonly o: CollectOptions) {}

  add(file: RelationFile, kind: ChangeKind, by = 1): void {
    const relation = this.o.relations.get(file);
    if (relation === undefined && databaseOf(file) !== this.o.othersOf) return;
    const oid = relation?.oid ?? (file.split('/')[1] as string);
    const changes: Changes = this.byOid.get(oid)?.changes ?? {};
    this.byOid.set(oid, { relation, changes: { ...changes, [kind]: (changes[kind] ?? 0) + by } });
  }

  addRows(file: RelationFile, changes: ReadonlyMap<RowChange, number>): void {
    for (const [change, many] of changes) this.add(file, change, many);
  }

  get found(): FoundChange[] {
    return [...this.byOid].flatMap(([oid, { relation, changes }]) =>
      relation?.isToast ? [] : [{ relation: relation?.name ?? null, oid, changes }],
    );
  }
}

const databaseOf = (file: RelationFile): string => file.slice(0, file.indexOf('/'));

/** Lower numbers are PostgreSQL's own. Source: PostgreSQL `access/transam.h`. */
const FIRST_OF_USERS = 16_384;
