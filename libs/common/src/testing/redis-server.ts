import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { parseRedisUrl, type RedisConnection } from '#common/engines/redis/connection.js';
import type { RedisDataset } from '#common/engines/redis/redis-dataset.js';
import { runCommand } from '#common/process/run-command.js';
import { type Chain, spawnChain } from '#common/process/spawn-chain.js';
import { endpoints } from '#tools/services/endpoints.js';
import { findFreePort } from './free-port.js';

export type ServerMake = 'redis' | 'valkey';

/** Every make that specs run on. */
export const MAKES: readonly [ServerMake, ServerMake] = ['valkey', 'redis'];

export interface ServerOptions {
  /** Options of its command line, without the dashes. */
  readonly options?: Readonly<Record<string, string>>;
  readonly sentinel?: true;
  /** The folder of a server that was stopped. */
  readonly folder?: string;
  readonly port?: number;
}

/** A server of one spec, in a folder and on a port of its own. */
export class RedisServer {
  private clients: Redis[] = [];
  private readonly ending = new AbortController();
  private chain: Chain | undefined;

  private constructor(
    readonly make: ServerMake,
    readonly folder: string,
    readonly port: number,
  ) {}

  static async start(make: ServerMake, o: ServerOptions = {}): Promise<RedisServer> {
    const folder = o.folder ?? (await mkdtemp(join(tmpdir(), 'holdfast-redis-')));
    const server = new RedisServer(make, folder, o.port ?? (await findFreePort()));
    const common = { port: String(server.port), bind: '127.0.0.1', dir: folder, logfile: server.logFile };
    const ofServer = { save: '', 'repl-diskless-sync-delay': '0', 'enable-debug-command': 'yes' };
    const options = { ...common, ...(o.sentinel ? {} : ofServer), ...o.options };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const program = endpoints[make].program;
    server.chain = spawnChain(
      [{ program, args: o.sentinel ? [join(folder, 'sentinel.conf'), ...args, '--sentinel'] : args }],
      {
        signal: server.ending.signal,
        killAfterMs: 2_000,
      },
    );
    server.chain.stdout.resume();
    await server.untilUp(o.options?.['requirepass']);
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get connection(): RedisConnection {
    return parseRedisUrl(this.url);
  }

  dataset(changes: Partial<RedisDataset> = {}): RedisDataset {
    return {
      ...{
        name: 'cache',
        connection: this.connection,
        only: undefined,
        aofDirectory: undefined,
        persistence: undefined,
      },
      compression: { level: 1, threads: 1 },
      ...changes,
    };
  }

  /** A client that the server's end closes. */
  client(db = 0, options: object = {}): Redis {
    const client = new Redis({ host: '127.0.0.1', port: this.port, db, retryStrategy: () => null, ...options });
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  async log(): Promise<string> {
    return readFile(this.logFile, 'utf8').catch(() => '');
  }

  /** As a machine that loses power. */
  async kill(): Promise<void> {
    for (const pid of this.chain?.pids ?? []) process.kill(pid, 'SIGKILL');
    await this.chain?.ended.catch(() => undefined);
    this.disconnect();
  }

  /** Its folder stays. */
  async stop(): Promise<void> {
    this.disconnect();
    this.ending.abort(new Error('the spec is over'));
    await this.chain?.ended.catch(() => undefined);
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get logFile(): string {
    return join(this.folder, 'server.log');
  }

  private disconnect(): void {
    for (const client of this.clients) client.disconnect();
    this.clients = [];
  }

  private async untilUp(password: string | undefined): Promise<void> {
    const client = new Redis({
      ...{ host: '127.0.0.1', port: this.port, lazyConnect: true, retryStrategy: () => null, enableReadyCheck: false },
      ...(password === undefined ? {} : { password }),
    });
    client.on('error', () => undefined);
    try {
      for (const end = Date.now() + 20_000; ; await sleep(25)) {
        const answer = await client
          .connect()
          .then(() => client.ping())
          .catch((error: Error) => error.message);
        if (/PONG|NOAUTH|NOPERM/.test(answer)) return;
        if (Date.now() > end) throw new Error(`the server does not answer: ${answer}\n${await this.log()}`);
        client.disconnect();
      }
    } finally {
      client.disconnect();
    }
  }
}

/** Three masters that share the slots. */
export async function startCluster(make: ServerMake): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  for (let index = 0; index < 3; index += 1) {
    const options = {
      'cluster-enabled': 'yes',
      'cluster-port': String(await findFreePort()),
      'cluster-node-timeout': '2000',
    };
    servers.push(await RedisServer.start(make, { options }));
  }
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const args = ['--cluster', 'create', ...addresses, '--cluster-yes'];
  await runCommand({ program: endpoints.tools.redisCli, args }, { signal: AbortSignal.timeout(60_000) });
  return servers;
}
