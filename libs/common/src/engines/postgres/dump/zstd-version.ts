import { realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { toChildEnvironment } from '#common/process/base-environment.js';
import { runCommand } from '#common/process/run-command.js';

/** What zstd calls itself. Asked once per file: starting a program costs the parent milliseconds in which nothing else happens. */
export class ZstdVersion {
  private known: { readonly file: string; readonly version: string } | undefined;

  /** Throws: engine.spawn; the abort reason. */
  async ask(signal: AbortSignal): Promise<string> {
    const file = await findFile('zstd');
    if (this.known?.file === file) return this.known.version;
    const { stdout } = await runCommand({ program: 'zstd', args: ['--version'] }, { signal });
    const version = stdout.replaceAll('*', '').trim();
    this.known = { file, version };
    return version;
  }
}

/** Another one after an upgrade, too. Empty when there is none: running it says so. */
async function findFile(program: string): Promise<string> {
  for (const directory of (toChildEnvironment()['PATH'] ?? '').split(delimiter)) {
    const found = await realpath(join(directory, program)).catch(() => undefined);
    if (found !== undefined) return `${found}@${(await stat(found)).mtimeMs}`;
  }
  return '';
}
