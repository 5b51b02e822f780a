import { runCommand } from '#tools/process/run-child.js';
import { ensureCommand } from './debian.js';
import { succeeds } from './files.js';

/** Unpacks one wheel into a folder. pip with `--target` runs nothing of it, and keeps its executable bits. */
export async function pipInstall(requirement: string, folder: string): Promise<void> {
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-compile', '--only-binary=:all:'];
  await runCommand(await findPython(), [...args, '--target', folder, requirement]);
}

/** A Python that has pip: Debian ships one without the other. */
async function findPython(): Promise<string> {
  const python = await ensureCommand('python3', 'python3');
  if (await succeeds(runCommand(python, ['-m', 'pip', '--version']))) return python;
  await ensureCommand('pip3', 'python3-pip');
  // The package serves the distribution's own Python, which may not be the first on PATH.
  return '/usr/bin/python3';
}
