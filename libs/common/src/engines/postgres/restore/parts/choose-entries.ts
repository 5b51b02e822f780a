import type { TocEntry } from '#common/engines/postgres/archive-toc.js';
import { isMeant, type PartName } from './part-name.js';

/** What the restore goes into. */
export interface Surroundings {
  /** Whether a database is there already: what the parts need and it has, stays. */
  readonly isInUse: boolean;
  /** Whether the database has what an entry stands for. */
  has(entry: TocEntry): boolean;
}

/** An entry that needs another one, which is neither chosen nor there. */
export interface UnmetNeed {
  readonly entry: TocEntry;
  readonly needed: TocEntry;
}

export interface Choice {
  /** What is restored, in the order of the archive. */
  readonly entries: readonly TocEntry[];
  /** Tables that were chosen: those of the parts, and partitions of theirs. */
  readonly tables: readonly TocEntry[];
  /** What ties a chosen table to one that is not: the tables can do without it. */
  readonly leftOut: readonly UnmetNeed[];
  /** What the tables cannot do without, or should not. */
  readonly unmet: readonly UnmetNeed[];
  /** Parts of which the archive holds nothing. */
  readonly absent: readonly PartName[];
}

const TABLES = new Set(['TABLE', 'FOREIGN TABLE']);
const RELATIONS = new Set([...TABLES, 'VIEW', 'MATERIALIZED VIEW']);
/** What lives and dies with one relation, by whose name its tag begins. */
const OF_RELATION = new Set([
  ...[
    'TABLE DATA',
    'DEFAULT',
    'CONSTRAINT',
    'CHECK CONSTRAINT',
    'INDEX',
    'STATISTICS',
    'STATISTICS DATA',
    'TRIGGER',
    'RULE',
    'POLICY',
  ],
  ...['ROW SECURITY', 'FK CONSTRAINT', 'TABLE ATTACH', 'MATERIALIZED VIEW DATA'],
]);
/** What says more about whatever object it needs. */
const ABOUT_ANY = new Set(['ACL', 'COMMENT', 'SECURITY LABEL', 'SEQUENCE SET', 'SEQUENCE OWNED BY', 'INDEX ATTACH']);
/** The others share a table's name, but are for whom the whole database is restored. */
const NEVER = new Set([
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'SUBSCRIPTION TABLE',
  'EVENT TRIGGER',
  'DEFAULT ACL',
]);
const MAY_LACK = new Set(['FK CONSTRAINT', 'TABLE ATTACH']);

/**
 * Which entries of an archive bring chosen tables back: the tables with their partitions, rows, defaults, indexes, constraints, triggers, policies, rights,
 * comments and owned sequences; into a new database also the types, functions, schemas and sequences that these need. A foreign key to a table that is neither chosen nor
 * there is left out; whatever else needs such a table is unmet. Foreign keys of other tables to a chosen one come along where the database has them: they have to go before it does.
 */
export function chooseEntries(entries: readonly TocEntry[], parts: readonly PartName[], around: Surroundings): Choice {
  return new Choosing(entries, around).choose(parts);
}

class Choosing {
  private readonly byId: ReadonlyMap<number, TocEntry>;
  /** By the id of a partition: that of the table whose partition it is. */
  private readonly parents = new Map<number, number>();
  private readonly chosen = new Map<number, TocEntry>();
  private readonly leftOut: UnmetNeed[] = [];
  private readonly unmet: UnmetNeed[] = [];

  constructor(
    private readonly entries: readonly TocEntry[],
    private readonly around: Surroundings,
  ) {
    this.byId = new Map(entries.map((entry) => [entry.id, entry]));
    for (const entry of entries) {
      if (entry.kind !== 'TABLE ATTACH') continue;
      const child = this.ownerOf(entry);
      const parent = this.relationsOf(entry).find((each) => each !== child);
      if (child !== undefined && parent !== undefined) this.parents.set(child.id, parent.id);
    }
  }

  choose(parts: readonly PartName[]): Choice {
    const tables = this.findTables(parts);
    const absent = parts.filter((part) => !tables.some((table) => isMeant(part, toNamed(table))));
    for (const table of tables) this.chosen.set(table.id, table);
    this.addOwnedSequences();
    this.addWhatBelongs();
    for (const entry of [...this.chosen.values()]) this.meetNeeds(entry);
    this.addInboundKeys(new Set(tables.map(({ id }) => id)));
    // Of types and functions that came with their need.
    this.addWhatBelongs();
    const dropped = new Set(this.leftOut.map(({ entry }) => entry.id));
    return {
      entries: this.entries.filter(({ id }) => this.chosen.has(id) && !dropped.has(id)),
      ...{ tables, absent, leftOut: this.leftOut, unmet: this.unmet },
    };
  }

  private findTables(parts: readonly PartName[]): TocEntry[] {
    const named = this.entries.filter(
      (entry) => TABLES.has(entry.kind) && parts.some((part) => isMeant(part, toNamed(entry))),
    );
    const found = new Set(named.map(({ id }) => id));
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      for (const [child, parent] of this.parents) if (found.has(parent)) found.add(child);
    }
    return this.entries.filter(({ id }) => found.has(id));
  }

  /** Those of serial columns; those of identity columns need their table. */
  private addOwnedSequences(): void {
    for (const { kind, needs } of this.entries) {
      if (kind !== 'SEQUENCE OWNED BY' || !needs.some((id) => this.chosen.has(id))) continue;
      for (const need of this.toEntries(needs)) if (need.kind === 'SEQUENCE') this.chosen.set(need.id, need);
    }
    for (const entry of this.entries)
      if (entry.kind === 'SEQUENCE' && this.relationsOf(entry).some(({ id }) => this.chosen.has(id)))
        this.chosen.set(entry.id, entry);
  }

  /** An index that is attached, and a comment on it, come after it in the archive. */
  private addWhatBelongs(): void {
    for (const entry of this.entries) if (this.belongs(entry)) this.chosen.set(entry.id, entry);
  }

  private belongs(entry: TocEntry): boolean {
    if (NEVER.has(entry.kind)) return false;
    if (OF_RELATION.has(entry.kind)) return this.chosen.has(this.ownerOf(entry)?.id ?? -1);
    return ABOUT_ANY.has(entry.kind) && entry.needs.length > 0 && entry.needs.every((id) => this.chosen.has(id));
  }

  private meetNeeds(entry: TocEntry): void {
    for (const need of this.toEntries(entry.needs)) {
      const needed = this.ownerOf(need) ?? need;
      if (this.chosen.has(need.id) || this.chosen.has(needed.id) || this.isOwnParent(entry, needed)) continue;
      if (this.around.isInUse ? this.around.has(needed) : !RELATIONS.has(needed.kind)) {
        if (!this.around.isInUse) this.add(needed);
        continue;
      }
      (MAY_LACK.has(entry.kind) ? this.leftOut : this.unmet).push({ entry, needed });
    }
  }

  /** A partition is archived as a table that can stand alone: only the entry that attaches it needs the other one. */
  private isOwnParent(entry: TocEntry, { id }: TocEntry): boolean {
    if (entry.kind === 'TABLE ATTACH') return false;
    return this.parents.get((this.ownerOf(entry) ?? entry).id) === id;
  }

  private add(entry: TocEntry): void {
    this.chosen.set(entry.id, entry);
    this.meetNeeds(entry);
  }

  private addInboundKeys(tables: ReadonlySet<number>): void {
    if (!this.around.isInUse) return;
    for (const entry of this.entries) {
      if (entry.kind !== 'FK CONSTRAINT' || this.chosen.has(entry.id)) continue;
      if (this.relationsOf(entry).some(({ id }) => tables.has(id)) && this.around.has(entry))
        this.chosen.set(entry.id, entry);
    }
  }

  /** The relation that an entry is about; of several that it needs the one by whose name its tag begins. */
  private ownerOf(entry: TocEntry): TocEntry | undefined {
    if (!OF_RELATION.has(entry.kind)) return undefined;
    const relations = this.relationsOf(entry);
    if (relations.length <= 1) return relations[0];
    const named = relations.filter(
      ({ schema, tag }) => schema === entry.schema && (entry.tag === tag || entry.tag.startsWith(`${tag} `)),
    );
    return named.sort((one, other) => other.tag.length - one.tag.length)[0] ?? relations[0];
  }

  private relationsOf = ({ needs }: TocEntry): TocEntry[] =>
    this.toEntries(needs).filter(({ kind }) => RELATIONS.has(kind));

  private toEntries = (ids: readonly number[]): TocEntry[] => ids.flatMap((id) => this.byId.get(id) ?? []);
}

const toNamed = ({ schema, tag }: TocEntry) => ({ schema, name: tag });
