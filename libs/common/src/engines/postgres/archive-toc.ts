import { AppError } from '#common/errors/app-error.js';

/** One entry of an archive: an object, the rows of a table, or what belongs to an object. */
export interface TocEntry {
  /** The number by which `pg_restore --list` and `--use-list` know it. */
  readonly id: number;
  /** `TABLE`, `TABLE DATA`, `FK CONSTRAINT`, as pg_dump calls it. */
  readonly kind: string;
  /** Empty: it lies in none. */
  readonly schema: string;
  /** The name, unquoted; of what belongs to a table `table name`. */
  readonly tag: string;
  /** Ids of entries that have to be there before it. */
  readonly needs: readonly number[];
  /** In the database that was dumped: of rows that of their table. */
  readonly oid: string;
  /** Whether rows or large objects belong to it. */
  readonly hasData: boolean;
  /** `COPY public.orders (id, what) FROM stdin;`: how its rows come back; empty where it has none. */
  readonly copy: string;
  /** Where the format says where its data lies: from and to this byte of the archive. */
  readonly place: readonly [number, number];
}

export interface ArchiveToc {
  readonly format: 'custom' | 'directory';
  readonly entries: readonly TocEntry[];
  /** How many bytes a number takes. */
  readonly intBytes: number;
  /** Where the byte stands that names the format. */
  readonly formatAt: number;
  /** How many bytes it takes from the beginning of the archive. */
  readonly length: number;
}

/** From version 1.12, of PostgreSQL 9.x, to 1.16, of 17 and 18. */
const OLDEST = 12;
const NEWEST = 16;
/** A directory shares the number of tar. */
export const DIRECTORY = 3;
const FORMATS: Readonly<Record<number, ArchiveToc['format']>> = { 1: 'custom', [DIRECTORY]: 'directory' };

/** Thrown inside only: the bytes end before the table does. */
class Incomplete extends Error {}

/**
 * Reads the table of contents at the beginning of an archive. `pg_restore --list` prints it too, but cuts names at line breaks and leaves out what depends on
 * what. Undefined: the bytes end before it does. Throws: backup.corrupt for what is no archive of a known version.
 * Source: PostgreSQL, src/bin/pg_dump/pg_backup_archiver.c, ReadHead and ReadToc; docs/decisions/0152-parts-of-a-dump-are-chosen-by-its-own-contents.md
 */
export function parseToc(bytes: Buffer): ArchiveToc | undefined {
  try {
    return new TocReader(bytes).read();
  } catch (error) {
    if (error instanceof Incomplete) return undefined;
    throw error;
  }
}

class TocReader {
  private at = 0;
  private version = 0;
  private intBytes = 4;
  private offsetBytes = 8;
  private encoding: BufferEncoding = 'utf8';

  constructor(private readonly bytes: Buffer) {}

  read(): ArchiveToc {
    if (this.take(5).toString('latin1') !== 'PGDMP') throw toCorrupt('it does not begin as one');
    const [major, minor] = [this.byte(), this.byte()];
    this.byte();
    if (major !== 1 || minor < OLDEST || minor > NEWEST) throw toCorrupt(`it is of version ${major}.${minor}`);
    this.version = minor;
    [this.intBytes, this.offsetBytes] = [this.byte(), this.byte()];
    const formatAt = this.at;
    const format = FORMATS[this.byte()];
    if (format === undefined) throw toCorrupt('it is in neither custom nor directory format');
    // How it is compressed, when it was made, of which database, by which versions.
    if (minor >= 15) this.byte();
    else this.int();
    for (let field = 0; field < 7; field += 1) this.int();
    for (let field = 0; field < 3; field += 1) this.text();
    const count = this.int();
    const entries: TocEntry[] = [];
    for (let index = 0; index < count; index += 1) entries.push(this.entry(format));
    return { format, entries, intBytes: this.intBytes, formatAt, length: this.at };
  }

  private entry(format: ArchiveToc['format']): TocEntry {
    const id = this.int();
    const hasData = this.int() !== 0;
    this.text();
    const oid = this.text() ?? '';
    const tag = this.text() ?? '';
    const kind = this.text() ?? '';
    this.int();
    const definition = this.text() ?? '';
    if (kind === 'ENCODING' && /'LATIN1'/.test(definition)) this.encoding = 'latin1';
    this.text();
    const copy = this.text() ?? '';
    const schema = this.text() ?? '';
    this.text();
    if (this.version >= 14) this.text();
    if (this.version >= 16) this.int();
    this.text();
    this.text();
    const needs: number[] = [];
    for (let need = this.text(); need !== null; need = this.text()) needs.push(Number(need));
    const from = this.at;
    if (format === 'custom') this.take(1 + this.offsetBytes);
    else this.text();
    return { id, kind, schema, tag, needs, oid, hasData, copy, place: [from, this.at] };
  }

  private take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new Incomplete();
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  private byte(): number {
    return this.take(1).readUInt8(0);
  }

  /** A byte for the sign, then the lowest byte first. */
  private int(): number {
    const isNegative = this.byte() !== 0;
    const value = this.take(this.intBytes).readUIntLE(0, this.intBytes);
    return isNegative ? -value : value;
  }

  /** null: none, which is another thing than an empty one. */
  private text(): string | null {
    const length = this.int();
    return length < 0 ? null : this.take(length).toString(this.encoding);
  }
}

const toCorrupt = (why: string): AppError =>
  new AppError('backup.corrupt', `the archive of the backup cannot be read: ${why}`);
