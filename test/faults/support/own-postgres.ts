import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '#common/testing/free-port.js';
import { plainEnv } from '#tools/process/plain-env.js';
import { runCommand } from '#tools/process/run-child.js';
import { endpoints } from '#tools/services/endpoints.js';
import { findServiceUser, toReachablePath } from '#tools/services/home.js';
import { isClusterAnswering, toConf, writeOwned } from '#tools/services/postgres-cluster.js';
import { OwnServer, type OwnServerPlan } from './own-server.js';

const { user, password, binDir } = endpoints.postgres18;

/** A PostgreSQL server of one spec's own, so that it can be stopped while others use theirs. */
export class OwnPostgres {
  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly server: OwnServer,
  ) {}

  /** `env` for the server itself: a clock of its own, say. */
  static async start({ env }: Pick<OwnServerPlan, 'env'> = {}): Promise<OwnPostgres> {
    const owner = await findServiceUser();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-postgres-'));
    if (owner) await chown(folder, owner.uid, owner.gid);
    const port = await findFreePort();
    const programs = await toReachablePath(binDir);
    const passwordFile = join(folder, 'password');
    await writeOwned(passwordFile, `${password}\n`, owner);
    const data = join(folder, 'data');
    const args = ['-D', data, '-U', user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--locale=C'];
    await runCommand(join(programs, 'initdb'), [...args, '--no-sync'], { cwd: folder, env: plainEnv(), ...owner });
    const settings = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' };
    await writeFile(join(data, 'postgresql.auto.conf'), toConf(settings));
    const server = new OwnServer({
      ...{ name: 'the server', file: join(programs, 'postgres'), args: ['-D', data], cwd: folder, user: owner, env },
      isAnswering: () => isClusterAnswering(port),
    });
    const own = new OwnPostgres(folder, port, server);
    await own.restart();
    return own;
  }

  /** As its superuser. */
  url(database: string): string {
    return `postgres://${user}:${password}@127.0.0.1:${this.port}/${database}`;
  }

  /** At once and without a checkpoint: as after a crash, the next start recovers from the log. */
  crash(): Promise<void> {
    return this.server.stop('SIGQUIT');
  }

  /** As an operator would: sessions end, everything is written. */
  stop(): Promise<void> {
    return this.server.stop('SIGINT');
  }

  restart(): Promise<void> {
    return this.server.start();
  }

  async close(): Promise<void> {
    await this.crash();
    await rm(this.folder, { recursive: true, force: true });
  }
}
