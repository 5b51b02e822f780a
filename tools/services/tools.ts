import { findCommand } from '#tools/process/find-command.js';
import { ensureCommand } from './debian.js';
import type { Print } from './service.js';

/** Programs that the product or its tests call, and the Debian package of each. */
export const tools: readonly {
  readonly command: string;
  readonly packageName: string;
  /** Tests that need it say that they were skipped. */
  readonly isOptional?: boolean;
}[] = [
  { command: 'zstd', packageName: 'zstd' },
  { command: 'age', packageName: 'age', isOptional: true },
  { command: 'kcat', packageName: 'kcat' },
  { command: 'redis-cli', packageName: 'redis-tools' },
  { command: 'faketime', packageName: 'faketime' },
  { command: 'pgbouncer', packageName: 'pgbouncer', isOptional: true },
];

/** Installs what is missing. Returns false, having said why, when one that is not optional cannot be had. */
export async function ensureTools(print: Print): Promise<boolean> {
  let areAllThere = true;
  for (const { command, packageName, isOptional = false } of tools) {
    await ensureCommand(command, packageName).catch((error: Error) => {
      areAllThere &&= isOptional;
      print(isOptional ? `${command} is optional and skipped: ${error.message}` : error.message);
    });
  }
  return areAllThere;
}

export interface FoundTool {
  readonly command: string;
  readonly path: string | undefined;
  readonly isOptional: boolean;
}

export async function findTools(): Promise<FoundTool[]> {
  return Promise.all(
    tools.map(async ({ command, isOptional = false }) => ({ command, isOptional, path: await findCommand(command) })),
  );
}
