import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey, ReadOptions } from './backup-repository.js';
import { readObject } from './read-object.js';

/** How long work holds a backup without renewing, and how long a deletion waits after its mark: longer than that. */
export const HOLD_LIVES_MS = 10 * 60_000;
export const EXPIRY_GRACE_MS = 15 * 60_000;

const MarkerFile = z.object({
  formatVersion: z.literal(1),
  graceMs: z.number().min(0),
  reasons: z.array(z.string()),
});

/** Beside a backup that is to be deleted. */
export interface ExpiryMark {
  /** By the storage's clock. Before it a hold keeps the backup; after it the sweeper looks at holds for the last time. */
  readonly lookAt: Date;
  readonly reasons: readonly string[];
}

/** Never replaces an earlier mark, which would begin the wait anew. Throws: repository.*. */
export async function writeExpiry(
  repository: BackupRepository,
  key: ObjectKey,
  { graceMs, reasons, signal }: ReadOptions & { readonly graceMs: number; readonly reasons: readonly string[] },
): Promise<void> {
  const file = { formatVersion: 1, graceMs, reasons };
  try {
    await repository.put(key, Buffer.from(`${JSON.stringify(file, null, 2)}\n`), { signal, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'repository.exists')) throw error;
  }
}

/** Undefined without a mark. Throws: repository.format for one that cannot be understood; repository.*. */
export async function readExpiry(
  repository: BackupRepository,
  key: ObjectKey,
  o: ReadOptions,
): Promise<ExpiryMark | undefined> {
  const found = await repository.stat(key, o);
  if (found === undefined) return undefined;
  const text = Buffer.from(await readObject(repository, key, o)).toString('utf8');
  const parsed = MarkerFile.safeParse(parseJson(text));
  if (!parsed.success) throw new AppError('repository.format', `${key} is not a mark of format version 1`, { key });
  const { graceMs, reasons } = parsed.data;
  return { lookAt: new Date(found.modifiedAt.getTime() + graceMs), reasons };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
