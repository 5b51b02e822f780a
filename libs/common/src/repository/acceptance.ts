import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions } from './backup-repository.js';
import type { HeldBackup } from './holds.js';
import { acceptanceKey } from './layout.js';
import { readObject } from './read-object.js';

const AcceptanceFile = z.object({
  formatVersion: z.literal(1),
  by: z.string().max(200).describe('Who looked'),
  reason: z.string().max(500),
  at: z.iso.datetime(),
});

/** An operator looked at a suspicious backup, and says why it is as it should be. */
export type Acceptance = Omit<z.infer<typeof AcceptanceFile>, 'formatVersion'>;

/** Beside the backup, so that every sweep follows it, with or without a catalog. Idempotent. Throws: repository.*. */
export async function acceptBackup(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  { signal, ...acceptance }: Acceptance & ReadOptions,
): Promise<void> {
  const file = AcceptanceFile.parse({ formatVersion: 1, ...acceptance });
  await repository.put(acceptanceKey(dataset, backupId), Buffer.from(`${JSON.stringify(file, null, 2)}\n`), { signal });
}

/** Null where none looked; a file that cannot be parsed counts as none. Throws: repository.*. */
export async function readAcceptance(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  o: ReadOptions,
): Promise<Acceptance | null> {
  try {
    const text = Buffer.from(await readObject(repository, acceptanceKey(dataset, backupId), o)).toString('utf8');
    const parsed = AcceptanceFile.safeParse(JSON.parse(text));
    if (!parsed.success) return null;
    const { by, reason, at } = parsed.data;
    return { by, reason, at };
  } catch (error) {
    const isGone = error instanceof AppError && error.code === 'repository.object-missing';
    if (isGone || error instanceof SyntaxError) return null;
    throw error;
  }
}
