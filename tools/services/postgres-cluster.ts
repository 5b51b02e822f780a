import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { isZombie } from '#tools/process/noted-process.js';
import { plainEnv } from '#tools/process/plain-env.js';
import { runCommand } from '#tools/process/run-child.js';
import { launch, stopProcess } from './background.js';
import { endpoints } from './endpoints.js';
import { exists } from './files.js';
import { findServiceUser, type ServiceUser, toReachablePath } from './home.js';
import { dataDir } from './paths.js';
import type { ServiceName } from './service.js';

export interface Cluster {
  readonly name: ServiceName & `postgres-${string}`;
  readonly binDir: string;
  readonly port: number;
  readonly initdbArgs: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
}

const { user, password } = endpoints.postgres18;

/** What a backup product's tests need: replication and logical decoding possible, durability as in production. */
const commonSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  wal_level: 'logical',
  max_wal_senders: '10',
  max_replication_slots: '10',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%u@%d %a ',
};

/** Creates the cluster when there is none, then launches it. */
export async function startCluster(cluster: Cluster, prepare?: (folder: string) => Promise<void>): Promise<void> {
  const serviceUser = await findServiceUser();
  const folder = await toReachablePath(dataDir(cluster.name));
  const binDir = await toReachablePath(cluster.binDir);
  if (!(await exists(join(folder, 'PG_VERSION')))) await createCluster({ ...cluster, binDir }, folder, serviceUser);
  await prepare?.(folder);
  await dropLockOfDead(folder);
  await writeOwned(
    join(folder, 'holdfast.conf'),
    toConf({ ...commonSettings, port: String(cluster.port), ...cluster.settings }),
    serviceUser,
  );
  await launch(cluster.name, {
    file: join(binDir, 'postgres'),
    args: ['-D', folder],
    port: cluster.port,
    cwd: folder,
    ...serviceUser,
  });
}

/**
 * PostgreSQL takes the zombie of a killed server for a running one and refuses to start; where nothing reaps orphans (a
 * container without an init process) that zombie stays for good. Called only when our own process is known to be gone.
 */
async function dropLockOfDead(folder: string): Promise<void> {
  const lock = join(folder, 'postmaster.pid');
  const pid = Number((await readFile(lock, 'utf8').catch(() => '')).split('\n')[0]);
  if (pid > 0 && isZombie(pid)) await rm(lock);
}

/** initdb into a folder beside it, renamed when complete: an interrupted one leaves nothing that looks like a cluster. */
async function createCluster(cluster: Cluster, folder: string, serviceUser: ServiceUser | undefined): Promise<void> {
  const staging = `${folder}.new`;
  await rm(staging, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(staging, 'pgdata'), { recursive: true, mode: 0o755 });
  for (const path of [staging, join(staging, 'pgdata')])
    if (serviceUser) await chown(path, serviceUser.uid, serviceUser.gid);
  const passwordFile = join(staging, 'password');
  await writeOwned(passwordFile, `${password}\n`, serviceUser);
  const args = [
    '-D',
    join(staging, 'pgdata'),
    '-U',
    user,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--data-checksums',
  ];
  await runCommand(join(cluster.binDir, 'initdb'), [...args, ...cluster.initdbArgs], {
    cwd: staging,
    env: plainEnv(),
    ...serviceUser,
  });
  const conf = join(staging, 'pgdata', 'postgresql.conf');
  await writeFile(conf, `${await readFile(conf, 'utf8')}\ninclude = 'holdfast.conf'\n`);
  await rename(join(staging, 'pgdata'), folder);
  await rm(staging, { recursive: true, force: true });
}

/** Fast shutdown: open transactions are rolled back, the data directory is left consistent. */
export function stopCluster(name: string): Promise<void> {
  return stopProcess(name, 'SIGINT');
}

export async function isClusterAnswering(port: number): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query('select 1 as one')).rows[0].one === 1;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

export async function writeOwned(path: string, text: string, owner: ServiceUser | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (owner) await chown(path, owner.uid, owner.gid);
}

/** In a configuration file a backslash begins an escape. Source: PostgreSQL "Parameter Interaction via the Configuration File". */
export function toConf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'\n`)
    .join('');
}
