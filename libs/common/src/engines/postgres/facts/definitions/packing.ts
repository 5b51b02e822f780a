import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { Definition } from '#common/contracts/definition.js';
import { AppError } from '#common/errors/app-error.js';

/** Five thousand tables unpack to 12 MB; a manifest from another writer must not take all memory. */
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;

/**
 * Definitions as a manifest keeps them: one JSON object a line, zstd, base64. Plain they would weigh more than everything else in it, and
 * each `backup list` reads all manifests; packed, five thousand tables take a third of a megabyte.
 * Source: docs/decisions/0082-definitions-are-packed-in-the-manifest.md
 */
export const packDefinitions = (lines: readonly string[]): string =>
  zstdCompressSync(Buffer.from(lines.join('\n'))).toString('base64');

/** Throws: backup.corrupt. */
export function unpackDefinitions(packed: string): Definition[] {
  try {
    const unpacked = zstdDecompressSync(Buffer.from(packed, 'base64'), { maxOutputLength: MAX_UNPACKED_BYTES });
    return parseDefinitions(unpacked.toString('utf8').split('\n'));
  } catch (cause) {
    throw new AppError('backup.corrupt', 'the definitions in the manifest cannot be read', {}, { cause });
  }
}

const Definitions = z.array(Definition);

export const parseDefinitions = (lines: readonly string[]): Definition[] =>
  Definitions.parse(lines.filter((line) => line !== '').map((line) => JSON.parse(line)));
