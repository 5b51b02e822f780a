import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { findCommand, runCommand } from './run-command.js';
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
  const giveBack = await keepDistributionServicesOff();
  try {
    await aptGetInstall(packageName).catch(async () => {
      await runCommand('apt-get', ['-q', 'update'], { env: aptEnv() });
      await aptGetInstall(packageName);
    });
  } catch (error) {
    throw new CannotInstall(`${advice} (${(error as Error).message})`);
  } finally {
    await giveBack();
  }
}

const aptEnv = (): NodeJS.ProcessEnv => ({ ...process.env, DEBIAN_FRONTEND: 'noninteractive' });

async function aptGetInstall(packageName: string): Promise<void> {
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await runCommand('apt-get', [...wait, '-q', '-y', '--no-install-recommends', 'install', packageName], { env: aptEnv() });
}

const policyFile = '/usr/sbin/policy-rc.d';
const clusterFolder = '/etc/postgresql-common/createcluster.d';

/**
 * A package starts its server when it is installed, and PostgreSQL makes a cluster: on a developer's machine that would take
 * ports and stay after a reboot. Returns a function that puts back what was there.
 * Source: Debian policy-rc.d, postgresql-common createcluster.conf.
 */
async function keepDistributionServicesOff(): Promise<() => Promise<void>> {
  const made: string[] = [];
  const clusterFile = `${clusterFolder}/holdfast.conf`;
  await mkdir(clusterFolder, { recursive: true });
  for (const [file, text, mode] of [
    [policyFile, '#!/bin/sh\nexit 101\n', 0o755],
    [clusterFile, 'create_main_cluster = false\n', 0o644],
  ] as const) {
    if (await stat(file).then(() => true, () => false)) continue;
    await writeFile(file, text, { mode });
    made.push(file);
  }
  return async () => {
    for (const file of made) await rm(file, { force: true });
  };
}
