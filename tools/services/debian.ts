import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findCommand } from '#tools/process/find-command.js';
import { runCommand } from '#tools/process/run-child.js';
import { CannotInstall } from './service.js';

/** Finds a command, or installs the Debian package that brings it. Throws `CannotInstall`. */
export async function ensureCommand(command: string, packageName: string): Promise<string> {
  const found = await findCommand(command);
  if (found) return found;
  await aptInstall(command, packageName);
  const installed = await findCommand(command);
  if (installed) return installed;
  throw new CannotInstall(`package ${packageName} was installed but brought no ${command}`);
}

let queue: Promise<unknown> = Promise.resolve();

/** One apt-get at a time: it holds its own lock and fails at once when it is taken. */
function aptInstall(command: string, packageName: string): Promise<void> {
  const turn = queue.then(() => installNow(command, packageName));
  queue = turn.catch(() => undefined);
  return turn;
}

async function installNow(command: string, packageName: string): Promise<void> {
  const advice = `${command} is missing: install the package ${packageName} (apt-get install ${packageName}) and run this again`;
  if (process.getuid?.() !== 0 || !(await findCommand('apt-get'))) throw new CannotInstall(advice);
  if (await findCommand(command)) return;
  const giveBack = keepDistributionServicesOff();
  try {
    await aptGetInstall(packageName).catch(async () => {
      await runCommand('apt-get', ['-q', 'update'], { env: aptEnv() });
      await aptGetInstall(packageName);
    });
  } catch (error) {
    throw new CannotInstall(`${advice} (${(error as Error).message.split('\n').at(-1)?.trim()})`);
  } finally {
    giveBack();
  }
}

const aptEnv = (): NodeJS.ProcessEnv => ({ ...process.env, DEBIAN_FRONTEND: 'noninteractive' });

async function aptGetInstall(packageName: string): Promise<void> {
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await runCommand('apt-get', [...wait, '-q', '-y', '--no-install-recommends', 'install', packageName], {
    env: aptEnv(),
  });
}

const mark = '# written by the holdfast development services while they install a package';
const guards = [
  { file: '/usr/sbin/policy-rc.d', text: `#!/bin/sh\n${mark}\nexit 101\n`, mode: 0o755 },
  {
    file: '/etc/postgresql-common/createcluster.d/holdfast.conf',
    text: `${mark}\ncreate_main_cluster = false\n`,
    mode: 0o644,
  },
];

/**
 * A package starts its server when it is installed, and PostgreSQL makes a cluster: on a developer's machine that would take
 * ports and stay after a reboot. Returns a function that takes away what was put there, which Ctrl-C does as well.
 * Source: Debian policy-rc.d, postgresql-common createcluster.conf.
 */
function keepDistributionServicesOff(): () => void {
  const ours = guards.filter(({ file }) => isFreeOrOurs(file));
  for (const { file, text, mode } of ours) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  }
  const giveBack = (): void => {
    for (const { file } of ours) rmSync(file, { force: true });
    for (const signal of interrupts) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    giveBack();
    process.kill(process.pid, signal);
  };
  for (const signal of interrupts) process.on(signal, onSignal);
  return giveBack;
}

const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function isFreeOrOurs(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(mark);
  } catch {
    return true;
  }
}
