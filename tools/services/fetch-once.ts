import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheDir } from './paths.js';
import { runCommand } from './run-command.js';

/**
 * Fills `cache/<name>` by `fill`, once: it works in a folder beside it that is renamed when complete, so what is there is whole.
 * Everyone may read the result: PostgreSQL runs from it as another user.
 */
export async function fetchOnce(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const target = join(cacheDir, name);
  if (await stat(target).then(() => true, () => false)) return target;
  const folder = await mkdtemp(join(cacheDir, `.${basename(name)}-`));
  try {
    await fill(folder);
    await runCommand('chmod', ['-R', 'go+rX', folder]);
    await rename(folder, target);
    return target;
  } catch (error) {
    // Go writes its module cache read-only.
    await runCommand('chmod', ['-R', 'u+w', folder]).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
