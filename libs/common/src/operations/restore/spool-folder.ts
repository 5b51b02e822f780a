import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttemptIdentity } from '#common/engines/engine.js';

const prefixOf = ({ runId }: AttemptIdentity): string => `holdfast-restore-${runId}-`;

/** Removes what earlier attempts of the run left here when they were killed: each folder is as large as the database. */
export async function removeSpoolFolders(workDirectory: string | undefined, identity: AttemptIdentity): Promise<void> {
  const parent = workDirectory ?? tmpdir();
  const left = (await readdir(parent)).filter((name) => name.startsWith(prefixOf(identity)));
  for (const name of left) await rm(join(parent, name), { recursive: true, force: true });
}

/** A folder of this attempt's own for the time of `work`, which no other user may read; those of earlier attempts are removed. */
export async function withSpoolFolder<T>(
  workDirectory: string | undefined,
  identity: AttemptIdentity,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await removeSpoolFolders(workDirectory, identity);
  const folder = await mkdtemp(join(workDirectory ?? tmpdir(), `${prefixOf(identity)}a${identity.attempt}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
