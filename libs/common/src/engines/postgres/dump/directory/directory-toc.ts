import { type ArchiveToc, DIRECTORY, type TocEntry } from '#common/engines/postgres/archive-toc.js';

/** Names of the files of a directory archive, as pg_dump gives them. */
export const TOC = 'toc.dat';
export const toDataFile = ({ id }: Pick<TocEntry, 'id'>): string => `${id}.dat`;

/**
 * The table of contents of an archive in custom format as that of a directory: it says of each entry which file holds its rows, where the other says at which byte.
 * Source: PostgreSQL, src/bin/pg_dump/pg_backup_directory.c, _WriteExtraToc and _CloseArchive
 */
export function toDirectoryToc(bytes: Buffer, { entries, intBytes, formatAt, length }: ArchiveToc): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const [from, to] = entry.place;
    pieces.push(bytes.subarray(at, from), toText(entry.hasData ? toDataFile(entry) : '', intBytes));
    at = to;
  }
  const toc = Buffer.concat([...pieces, bytes.subarray(at, length)]);
  toc.writeUInt8(DIRECTORY, formatAt);
  return toc;
}

/** A byte for the sign, the length with its lowest byte first, the text. */
function toText(text: string, intBytes: number): Buffer {
  const head = Buffer.alloc(1 + intBytes);
  head.writeUIntLE(Buffer.byteLength(text), 1, intBytes);
  return Buffer.concat([head, Buffer.from(text)]);
}
