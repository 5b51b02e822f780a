import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { root } from '#tools/check/root.js';

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `holdfast …` as a person or a script does, in a process of its own with nothing but this environment. `stop` is Ctrl-C, and for the reason 'kill' SIGKILL. */
export async function holdfast(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stop?: AbortSignal,
): Promise<CliResult> {
  const main = join(root, 'dist/bin/holdfast.js');
  const child = spawn(process.execPath, [main, ...args], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  stop?.addEventListener('abort', () => child.kill(stop.reason === 'kill' ? 'SIGKILL' : 'SIGINT'), { once: true });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { exitCode, stdout, stderr };
}
