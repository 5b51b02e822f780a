import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSegmentName, toSegmentStart } from '#common/domain/wal.js';
import { historyName } from '#common/engines/postgres/wal/archive-index.js';
import type { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import type { SystemUser } from '#common/process/command.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { giveTo } from './ownership.js';
import type { WalFile } from './wal-reach.js';

export interface FetchWalOptions {
  readonly archive: WalArchive;
  readonly keyring: Keyring;
  readonly folder: string;
  readonly owner: SystemUser | undefined;
  readonly signal: AbortSignal;
  readonly onFetched?: (files: number, of: number) => void;
}

const PARALLEL = 4;

/** All segments that a recovery reads, and every history, under PostgreSQL's names; a file has its name only when it is whole. */
export async function fetchWal(files: readonly WalFile[], o: FetchWalOptions): Promise<void> {
  await mkdir(o.folder, { recursive: true, mode: 0o700 });
  await giveTo(o.folder, o.owner);
  const { archive, keyring, signal } = o;
  for (const timeline of archive.index.timelineIds) {
    const history = archive.index.historyOf(timeline);
    if (history !== undefined) await placeWal(historyName(timeline), await archive.read(history, keyring, signal), o);
  }
  let done = 0;
  const waiting = files.values();
  const work = async (): Promise<void> => {
    for (const file of waiting) {
      await placeWal(file.name, await readWalFile(file, o), o);
      done += 1;
      o.onFetched?.(done, files.length);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

/** Of pieces as far as they are there, followed by zeros. Throws: backup.corrupt, sealing.*; repository.*. */
export async function readWalFile(
  { name, whole, pieces }: WalFile,
  { archive, keyring, signal }: Pick<FetchWalOptions, 'archive' | 'keyring' | 'signal'>,
): Promise<Buffer> {
  if (whole !== undefined) return archive.read(whole, keyring, signal);
  const { segmentBytes } = archive.index;
  const raw = Buffer.alloc(segmentBytes);
  const start = toSegmentStart(parseSegmentName(name, segmentBytes)?.number ?? 0n, segmentBytes);
  for (const piece of pieces) (await archive.read(piece, keyring, signal)).copy(raw, Number(piece.start - start));
  return raw;
}

/** A file has its name only when it is whole. */
export async function placeWal(
  name: string,
  raw: Buffer,
  { folder, owner }: Pick<FetchWalOptions, 'folder' | 'owner'>,
): Promise<void> {
  const unfinished = join(folder, `.${name}`);
  await writeFile(unfinished, raw, { mode: 0o600 });
  await giveTo(unfinished, owner);
  await rename(unfinished, join(folder, name));
}
