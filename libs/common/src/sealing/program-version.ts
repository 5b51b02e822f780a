import { realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { toChildEnvironment } from '#common/process/base-environment.js';
import { runCommand } from '#common/process/run-command.js';

const known = new Map<string, { readonly file: string; readonly version: string }>();

/**
 * What a program calls itself. Asked once per file: starting a program costs the parent milliseconds in which nothing else happens.
 * Throws: engine.spawn; the abort reason.
 */
export async function askVersion(program: string, signal: AbortSignal): Promise<string> {
  const file = await findFile(program);
  const earlier = known.get(program);
  if (earlier?.file === file) return earlier.version;
  const { stdout } = await runCommand({ program, args: ['--version'] }, { signal });
  const version = stdout.replaceAll('*', '').trim();
  known.set(program, { file, version });
  return version;
}

/** Another one after an upgrade, too. Empty when there is none: running it says so. */
async function findFile(program: string): Promise<string> {
  for (const directory of (toChildEnvironment()['PATH'] ?? '').split(delimiter)) {
    const found = await realpath(join(directory, program)).catch(() => undefined);
    if (found !== undefined) return `${found}@${(await stat(found)).mtimeMs}`;
  }
  return '';
}
