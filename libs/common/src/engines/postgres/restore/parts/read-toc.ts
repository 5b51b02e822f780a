import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Manifest } from '#common/contracts/manifest.js';
import type { ArchiveSource } from '#common/engines/engine.js';
import { type ArchiveToc, parseToc } from '#common/engines/postgres/archive-toc.js';
import { TOC } from '#common/engines/postgres/dump/directory/directory-toc.js';
import { ARCHIVE } from '#common/engines/postgres/dump/dump-by-hand.js';
import { AppError } from '#common/errors/app-error.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { toUnsealing } from '#common/sealing/sealing.js';

/** The first look; a database of some thousand tables has a table of contents of some megabytes. */
const FIRST_BYTES = 1 << 18;

/** Of an archive on this machine. Throws: backup.corrupt. */
export async function readTocOfFile(archive: string): Promise<ArchiveToc> {
  const isDirectory = (await stat(archive)).isDirectory();
  const handle = await open(isDirectory ? join(archive, TOC) : archive);
  try {
    const { size } = await handle.stat();
    for (let length = FIRST_BYTES; ; length *= 2) {
      const bytes = Buffer.alloc(Math.min(length, size));
      await handle.read(bytes, 0, bytes.length, 0);
      const toc = parseToc(bytes);
      if (toc !== undefined) return toc;
      if (bytes.length === size) throw toShort();
    }
  } finally {
    await handle.close();
  }
}

/** Of an archive in a repository: reads only its beginning. Throws: backup.corrupt, sealing.*, repository.*, engine.*. */
export async function readStoredToc(
  { objects, backupId }: Pick<Manifest, 'objects' | 'backupId'>,
  { repository, keyring }: Pick<ArchiveSource, 'repository' | 'keyring'>,
  signal: AbortSignal,
): Promise<ArchiveToc> {
  const object = objects.find(({ name }) => [ARCHIVE, TOC].includes(name.replace(/(\.zst)?(\.age)?$/, '')));
  if (object === undefined) throw new AppError('backup.corrupt', `backup ${backupId} has no object ${ARCHIVE}`);
  const enough = new AbortController();
  const stopped = AbortSignal.any([signal, enough.signal]);
  const stored = await repository.get(object.key, { signal: stopped });
  const unsealing = toUnsealing(object, keyring);
  const raw = unsealing.length === 0 ? stored : spawnChain(unsealing, { signal: stopped, input: stored }).stdout;
  try {
    return await readBeginning(raw);
  } finally {
    enough.abort(new Error('the table of contents was read'));
    stored.on('error', () => undefined).destroy();
    raw.on('error', () => undefined).destroy();
  }
}

async function readBeginning(raw: Readable): Promise<ArchiveToc> {
  let bytes = Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let [length, tryAt] = [0, FIRST_BYTES];
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < tryAt) continue;
    bytes = Buffer.concat(chunks);
    const toc = parseToc(bytes);
    if (toc !== undefined) return toc;
    tryAt *= 2;
  }
  const toc = parseToc(Buffer.concat(chunks));
  if (toc === undefined) throw toShort();
  return toc;
}

const toShort = (): AppError =>
  new AppError('backup.corrupt', 'the archive of the backup ends within its table of contents');
