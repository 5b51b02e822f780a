import { z } from 'zod';
import type { DeletionRequest } from '#common/domain/retention.policy.js';
import type { BackupRepository, ReadOptions } from './backup-repository.js';
import type { HeldBackup } from './holds.js';
import { deletionKey } from './layout.js';
import { findJson } from './read-object.js';

const RequestFile = z.object({
  formatVersion: z.literal(1),
  by: z.string().max(200).describe('Who asked'),
  evenLastGood: z.boolean().describe('Named twice: it goes also when no other good backup is left'),
});

/** Beside the backup, so that every sweep follows it, with or without a catalog. Idempotent. Throws: repository.*. */
export async function askForDeletion(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  { by, evenLastGood, signal }: DeletionRequest & ReadOptions,
): Promise<void> {
  const file: z.infer<typeof RequestFile> = { formatVersion: 1, by, evenLastGood };
  await repository.put(deletionKey(dataset, backupId), Buffer.from(`${JSON.stringify(file, null, 2)}\n`), { signal });
}

/** Idempotent. Throws: repository.*. */
export async function withdrawDeletion(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  o: ReadOptions,
): Promise<void> {
  await repository.remove(deletionKey(dataset, backupId), o);
}

/** Null without a request; one that cannot be parsed counts as none. Throws: repository.*. */
export async function readDeletion(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  o: ReadOptions,
): Promise<DeletionRequest | null> {
  const found = await findJson(repository, deletionKey(dataset, backupId), { ...o, schema: RequestFile });
  return found === undefined ? null : { by: found.by, evenLastGood: found.evenLastGood };
}
