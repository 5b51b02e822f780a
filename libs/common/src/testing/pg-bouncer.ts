import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { SupervisedChild } from '#common/process/supervised-child.js';
import { findCommand } from '#tools/process/find-command.js';
import { endpoints } from '#tools/services/endpoints.js';
import { findFreePort } from './free-port.js';

/** Where the program is, if the distribution has it: tests that need it say that they were skipped. */
export const pgBouncerProgram = await findCommand('pgbouncer');

/** The real pooler in front of the real server, as platforms run it beside their applications. */
export class PgBouncer {
  private constructor(
    private readonly child: SupervisedChild,
    private readonly folder: string,
    readonly port: number,
  ) {}

  static async start(mode: 'session' | 'transaction'): Promise<PgBouncer> {
    const { port: serverPort, user, password } = endpoints.postgres18;
    const [folder, port] = [await mkdtemp(join(tmpdir(), 'holdfast-pooler-')), await findFreePort()];
    await chmod(folder, 0o755);
    const file = join(folder, 'pgbouncer.ini');
    const lines = [
      '[databases]',
      `* = host=127.0.0.1 port=${serverPort} user=${user} password=${password}`,
      '[pgbouncer]',
      ...['listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =', 'auth_type = any'],
      ...[`pool_mode = ${mode}`, 'default_pool_size = 3', 'ignore_startup_parameters = extra_float_digits'],
    ];
    await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o644 });
    // It refuses to be root.
    const asOther = process.getuid?.() === 0 ? ['--user=nobody'] : [];
    const command = { program: pgBouncerProgram ?? 'pgbouncer', args: ['--quiet', ...asOther, file] };
    const options = { stdin: 'ignore', killAfterMs: 1_000, onStderrLine: undefined } as const;
    const pooler = new PgBouncer(new SupervisedChild(command, options), folder, port);
    await pooler.untilAnswering();
    return pooler;
  }

  url(database: string): string {
    return `postgres://postgres:postgres@127.0.0.1:${this.port}/${database}`;
  }

  async close(): Promise<void> {
    this.child.stop();
    await this.child.ended;
    await rm(this.folder, { recursive: true });
  }

  private async untilAnswering(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const client = new pg.Client({ connectionString: this.url('postgres') });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await client.end();
      } catch (error) {
        if (tries > 100) throw error;
        await sleep(50);
      }
    }
  }
}
