import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#tools/process/run-child.js';
import { exists } from './files.js';
import { cacheDir } from './paths.js';

/**
 * Fills `cache/<name>` by `fill`, once: it works in a folder beside it that is renamed when complete, so what is there is whole.
 * Every user may read the result: PostgreSQL runs from it as another user.
 */
export async function fetchOnce(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const target = join(cacheDir, name);
  if (await exists(target)) return target;
  await removeLeftovers(name);
  const folder = await mkdtemp(join(cacheDir, `.${name}-`));
  try {
    await fill(folder);
    await runCommand('chmod', ['-R', 'go+rX', folder]);
    await rename(folder, target);
    return target;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** What an interrupted fetch left; the caller holds the lock, so no other process is filling it now. */
async function removeLeftovers(name: string): Promise<void> {
  const leftovers = (await readdir(cacheDir)).filter((entry) => entry.startsWith(`.${name}-`));
  for (const entry of leftovers) await rm(join(cacheDir, entry), { recursive: true, force: true });
}
