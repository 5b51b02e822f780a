import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RestoreIdentity } from '#common/engines/postgres/restore/restore-lock.js';

const prefixOf = ({ runId }: RestoreIdentity): string => `holdfast-restore-${runId}-`;

/**
 * A folder of this attempt's own for the time of `work`, for nobody else to read. Folders that earlier attempts of the run left
 * here when they were killed are removed: they are as large as the database.
 */
export async function withSpoolFolder<T>(
  workDirectory: string | undefined,
  identity: RestoreIdentity,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = workDirectory ?? tmpdir();
  const left = (await readdir(parent)).filter((name) => name.startsWith(prefixOf(identity)));
  for (const name of left) await rm(join(parent, name), { recursive: true, force: true });
  const folder = await mkdtemp(join(parent, `${prefixOf(identity)}a${identity.attempt}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
