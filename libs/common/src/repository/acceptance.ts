import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import type { BackupRepository, ReadOptions } from './backup-repository.js';
import type { HeldBackup } from './holds.js';
import { acceptanceKey } from './layout.js';
import { findJson } from './read-object.js';

const AcceptanceFile = z.object({
  formatVersion: z.literal(1),
  by: z.string().max(200).describe('Who looked'),
  reason: z.string().max(500),
  at: z.iso.datetime(),
});

/** An operator looked at a suspicious backup, and says why it is as it should be. */
export type Acceptance = Omit<z.infer<typeof AcceptanceFile>, 'formatVersion'>;

/** Beside the backup, so that every sweep follows it, with or without a catalog. Throws: request.invalid; repository.*. */
export async function acceptBackup(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  { signal, ...acceptance }: Acceptance & ReadOptions,
): Promise<void> {
  const { data: file, error } = AcceptanceFile.safeParse({ formatVersion: 1, ...acceptance });
  if (error !== undefined) {
    const issues = error.issues.map((issue) => toIssueText(issue, 'the file'));
    throw new AppError('request.invalid', `the acceptance is not valid: ${issues.join('; ')}`, { issues });
  }
  await repository.put(acceptanceKey(dataset, backupId), Buffer.from(`${JSON.stringify(file, null, 2)}\n`), { signal });
}

/** Null where none looked; a file that cannot be parsed counts as none. Throws: repository.*. */
export async function readAcceptance(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  o: ReadOptions,
): Promise<Acceptance | null> {
  const found = await findJson(repository, acceptanceKey(dataset, backupId), { ...o, schema: AcceptanceFile });
  return found === undefined ? null : { by: found.by, reason: found.reason, at: found.at };
}
