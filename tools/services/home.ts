import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#tools/process/run-child.js';
import { exists, succeeds } from './files.js';
import { checkout, servicesDir } from './paths.js';
import type { Print } from './service.js';

export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

/** Who PostgreSQL runs as: it refuses root. Undefined when we are not root: then everything runs as ourselves. */
export async function findServiceUser(): Promise<ServiceUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile('/etc/passwd', 'utf8');
  const entry = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody');
  // `nobody` is on every Linux and stays the same whether or not a PostgreSQL package has brought its own user meanwhile.
  return { uid: Number(entry?.[2] ?? 65534), gid: Number(entry?.[3] ?? 65534) };
}

/**
 * Makes `.services`. Where the service user cannot reach the checkout (below /root, say), `.services` becomes a link to a
 * folder of this checkout under /var/lib that it can.
 */
export async function prepareHome(print: Print): Promise<void> {
  const user = await findServiceUser();
  if (!(await exists(servicesDir))) {
    if (user && !(await canReach(user, checkout))) await linkHome(print);
    else await mkdir(servicesDir, { recursive: true, mode: 0o755 });
  }
  const home = await realpath(servicesDir);
  if (user && !(await canReach(user, home))) {
    throw new Error(
      `the user that PostgreSQL runs as (uid ${user.uid}) cannot reach ${home}: remove it (rm -rf ${servicesDir}) and run this again`,
    );
  }
  for (const folder of ['cache', 'data', 'logs', 'run'])
    await mkdir(`${servicesDir}/${folder}`, { recursive: true, mode: 0o755 });
}

async function linkHome(print: Print): Promise<void> {
  const key = createHash('sha256').update(checkout).digest('hex').slice(0, 12);
  const home = `/var/lib/holdfast-services/${key}`;
  await mkdir(home, { recursive: true, mode: 0o755 });
  await symlink(home, servicesDir);
  print(
    `${checkout} can be entered by root only, and PostgreSQL does not run as root: data and downloads live in ${home}`,
  );
}

/** The same place by a path that the service user can walk: `.services` may be a link in a checkout that only root can enter. */
export async function toReachablePath(path: string): Promise<string> {
  if (!path.startsWith(`${servicesDir}/`)) return path;
  return join(await realpath(servicesDir), path.slice(servicesDir.length));
}

async function canReach(user: ServiceUser, folder: string): Promise<boolean> {
  return succeeds(runCommand('/usr/bin/test', ['-x', folder], { ...user, cwd: '/' }));
}
