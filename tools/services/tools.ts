import { ensureCommand } from './debian.js';
import { findCommand } from './run-command.js';
import type { Print } from './service.js';

/** Programs that the product or its tests call, and the Debian package of each. */
export const tools = [
  { command: 'zstd', packageName: 'zstd' },
  { command: 'kcat', packageName: 'kcat' },
  { command: 'redis-cli', packageName: 'redis-tools' },
  { command: 'faketime', packageName: 'faketime' },
] as const;

/** Installs what is missing. Returns false, having said why, when one cannot be had. */
export async function ensureTools(print: Print): Promise<boolean> {
  let areAllThere = true;
  for (const { command, packageName } of tools) {
    await ensureCommand(command, packageName).catch((error: Error) => {
      areAllThere = false;
      print(error.message);
    });
  }
  return areAllThere;
}

export async function findTools(): Promise<{ command: string; path: string | undefined }[]> {
  return Promise.all(tools.map(async ({ command }) => ({ command, path: await findCommand(command) })));
}
