import { z } from 'zod';
import { Uuid } from '#common/contracts/names.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { sharingKey } from '#common/repository/layout.js';
import { readObject } from '#common/repository/read-object.js';

const SharingFile = z.object({
  formatVersion: z.literal(1),
  mark: z.string().regex(/^[0-9a-f]{16}$/),
  parent: Uuid.nullable(),
});

/** What `shared.json` says of an attempt: which shared objects are its own, and on whose it relies. */
export interface SharingMark {
  /** In the names of all shared objects that it writes. */
  readonly mark: string;
  readonly parent: string | null;
}

export const encodeSharingMark = ({ mark, parent }: SharingMark): Uint8Array =>
  Buffer.from(`${JSON.stringify({ formatVersion: 1, mark, parent }, null, 2)}\n`);

/** Throws: repository.object-missing, repository.format for what cannot be understood; repository.*. */
export async function readSharingMark(
  repository: BackupRepository,
  attemptKey: string,
  o: ReadOptions,
): Promise<SharingMark> {
  const key = sharingKey(attemptKey);
  const text = Buffer.from(await readObject(repository, key, o)).toString('utf8');
  const parsed = SharingFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new AppError('repository.format', `${key} is not of format version 1`, { key });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
