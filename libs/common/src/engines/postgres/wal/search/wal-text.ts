import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lsn } from '#common/domain/lsn.js';
import { toLsnBytes } from '#common/domain/lsn.js';
import {
  parseSegmentName,
  toLsn,
  toSegmentName,
  toSegmentNumber,
  toSegmentStart,
  type WalBytes,
} from '#common/domain/wal.js';
import { placeWal, readWalFile } from '#common/engines/postgres/pitr/wal-fetch.js';
import type { WalFile } from '#common/engines/postgres/pitr/wal-reach.js';
import type { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { lsnOfLine } from './wal-line.js';

/** Archived WAL without a hole. */
export interface WalStretch {
  readonly files: readonly WalFile[];
  readonly end: WalBytes;
}

export interface WalTextDeps {
  readonly archive: WalArchive;
  readonly keyring: Keyring;
  /** Segments lie here while they are read, a few at a time. */
  readonly folder: string;
  /** The program `pg_waldump` of the server's own major version. */
  readonly waldump: string;
  /** Addresses of `sed` for the lines that matter: all others stay out of this process. */
  readonly patterns: readonly string[];
  /** On disk at once, two segments at least: a record may begin in one and end in the next. Default 64 MiB. */
  readonly batchBytes?: number | undefined;
  readonly signal: AbortSignal;
}

const BATCH_BYTES = 64 << 20;
const PARALLEL = 4;
/** Whatever timelines they come from, the segments have one name: `pg_waldump` follows no switch. */
const TIMELINE = 1;

/** The lines of `pg_waldump` about a stretch that match a pattern, in order, and a few that do not. Throws: backup.corrupt, engine.*, sealing.*; repository.*. */
export async function* readWalText({ files, end }: WalStretch, d: WalTextDeps): AsyncGenerator<string> {
  const { segmentBytes } = d.archive.index;
  const segments = files.map((file) => ({ file, number: parseSegmentName(file.name, segmentBytes)?.number ?? 0n }));
  await mkdir(d.folder, { recursive: true, mode: 0o700 });
  const perBatch = Math.max(2, Math.floor((d.batchBytes ?? BATCH_BYTES) / segmentBytes));
  /** The last record that was read: the next batch begins with it, for it alone is known to be the beginning of one. */
  let last: WalBytes | undefined;
  let kept = segments[0]?.number ?? 0n;
  for (let at = 0; at < segments.length; at += perBatch) {
    const batch = segments.slice(at, at + perBatch);
    await fetchBatch(batch, d);
    const upTo = (batch.at(-1)?.number ?? 0n) + 1n;
    const isLast = at + perBatch >= segments.length;
    const span = {
      start: last ?? toSegmentStart(kept, segmentBytes),
      end: isLast ? end : toSegmentStart(upTo, segmentBytes),
    };
    for await (const { line, position } of recordsAfter(last, dump(span, d))) {
      last = position;
      yield line;
    }
    const needed = last === undefined ? kept : toSegmentNumber(last, segmentBytes);
    await removeFiles(kept, needed, d);
    kept = needed;
  }
  await removeFiles(kept, (segments.at(-1)?.number ?? 0n) + 1n, d);
}

async function removeFiles(from: bigint, to: bigint, d: Pick<WalTextDeps, 'archive' | 'folder'>): Promise<void> {
  for (let number = from; number < to; number += 1n) await rm(pathOf(number, d), { force: true });
}

/** A batch begins with the record that the one before ended with. */
async function* recordsAfter(
  last: WalBytes | undefined,
  lines: AsyncIterable<string>,
): AsyncGenerator<{ readonly line: string; readonly position: WalBytes }> {
  for await (const line of lines) {
    const lsn = lsnOfLine(line);
    if (lsn === undefined) continue;
    const position = toLsnBytes(lsn as Lsn);
    if (last === undefined || position > last) yield { line, position };
  }
}

interface NumberedFile {
  readonly file: WalFile;
  readonly number: bigint;
}

const nameOf = (number: bigint, { archive }: Pick<WalTextDeps, 'archive'>): string =>
  toSegmentName(TIMELINE, number, archive.index.segmentBytes);

const pathOf = (number: bigint, d: Pick<WalTextDeps, 'archive' | 'folder'>): string =>
  join(d.folder, nameOf(number, d));

async function fetchBatch(batch: readonly NumberedFile[], d: WalTextDeps): Promise<void> {
  const waiting = batch.values();
  const work = async (): Promise<void> => {
    for (const { file, number } of waiting)
      await placeWal(nameOf(number, d), await readWalFile(file, d), { folder: d.folder, owner: undefined });
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

/** From the first record that begins at or after `start` to the last that ends before `end`. */
async function* dump({ start, end }: Record<'start' | 'end', WalBytes>, d: WalTextDeps): AsyncGenerator<string> {
  const args = [`--path=${d.folder}`, `--timeline=${TIMELINE}`, `--start=${toLsn(start)}`, `--end=${toLsn(end)}`];
  // The last line comes whatever is in it: the next batch begins there.
  const filter = ['-n', '-E', ...d.patterns.flatMap((pattern) => ['-e', `${pattern}{p;d;}`]), '-e', '$p'];
  const env = { TZ: 'UTC', LC_ALL: 'C' };
  const chain = spawnChain(
    [
      { program: d.waldump, args, env },
      { program: 'sed', args: filter, env },
    ],
    { signal: d.signal },
  );
  try {
    yield* linesOf(chain.stdout);
  } catch (error) {
    d.signal.throwIfAborted();
    if (!hasNoRecord(error)) throw error;
  } finally {
    chain.stdout.destroy();
    await chain.ended.catch(() => undefined);
  }
}

/** A batch in which no record begins: all of it is of one, or nothing was written. */
const hasNoRecord = (error: unknown): boolean =>
  error instanceof AppError && /could not find a valid record after/.test(JSON.stringify(error.context));

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
