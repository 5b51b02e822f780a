import { findCommand } from '#tools/process/find-command.js';
import { runCommand } from '#tools/process/run-child.js';
import { CannotInstall } from './service.js';
import { versions } from './versions.js';

const wanted = versions.meilisearch.split('.').slice(0, 2).join('.');

/** A real server, or why there is none here. */
export type FoundBinary = { readonly file: string } | { readonly lack: string };

/** MEILISEARCH_BIN, then PATH. Throws `CannotInstall` when MEILISEARCH_BIN names something else. */
export async function findBinary(find = findCommand): Promise<FoundBinary> {
  const named = process.env['MEILISEARCH_BIN'];
  const file = await find(named || 'meilisearch');
  const version = file === undefined ? undefined : await versionOf(file);
  if (file !== undefined && isWanted(version)) return { file };
  if (named) {
    throw new CannotInstall(
      `MEILISEARCH_BIN is ${named}, which is no Meilisearch ${wanted}: correct it, or unset it to use a stand-in`,
    );
  }
  if (file === undefined) return { lack: 'MEILISEARCH_BIN is not set, and PATH has no meilisearch' };
  return { lack: `${file} on PATH is ${version ?? 'no Meilisearch'}, and ${wanted} is wanted` };
}

/** As the program prints it: `meilisearch 1.50.0`. */
async function versionOf(file: string): Promise<string | undefined> {
  const text = await runCommand(file, ['--version']).catch(() => '');
  return /^meilisearch \d\S*/.exec(text)?.[0];
}

/** Another minor version would open the database of ours, or refuse to: neither is wanted. */
const isWanted = (version: string | undefined): boolean => version?.startsWith(`meilisearch ${wanted}.`) ?? false;
