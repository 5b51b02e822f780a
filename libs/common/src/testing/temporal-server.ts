import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import Long from 'long';
import { type Chain, spawnChain } from '#common/process/spawn-chain.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ensureTemporal } from '#tools/services/temporal.js';
import { findLowPort } from './free-port.js';

const { host, port, user, password } = endpoints.postgres18;
/** Where the executions and Schedules of a spec live. */
export const NAMESPACE = 'spec';
const SERVICES = ['frontend', 'matching', 'history', 'worker'] as const;

export interface TemporalServerOptions {
  /** Its main store; the visibility store has `_visibility` behind the name. */
  readonly database: string;
  /** Default 4: few, so that it starts in seconds. */
  readonly historyShards?: number;
  /** Dynamic configuration: names with values that hold everywhere. */
  readonly dynamic?: Readonly<Record<string, unknown>>;
}

class EndedEarly extends Error {}

/** A Temporal of one spec: all four services in one process, on databases that are there. */
export class TemporalServer {
  private connected: Connection | undefined;

  private constructor(
    private readonly folder: string,
    private readonly address: string,
    private readonly chain: Chain,
    private readonly ending: AbortController,
  ) {}

  /** Resolves when it answers. Tried again with other ports when it ends at once: another server may have taken one meanwhile. */
  static async start(o: TemporalServerOptions): Promise<TemporalServer> {
    for (let triesLeft = 2; ; triesLeft -= 1) {
      const server = await TemporalServer.spawn(o);
      try {
        await server.untilUp();
        return server;
      } catch (error) {
        const told = await server.log();
        await server.stop();
        if (triesLeft === 0 || !(error instanceof EndedEarly))
          throw new Error(`Temporal does not start: ${error}\n${told.slice(0, 1_500)}\n…\n${told.slice(-1_500)}`);
      }
    }
  }

  private static async spawn(o: TemporalServerOptions): Promise<TemporalServer> {
    const { server: program } = await ensureTemporal(() => undefined);
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-temporal-'));
    const grpcPort = await findLowPort();
    await mkdir(join(folder, 'config'));
    await writeFile(join(folder, 'config', 'spec.yaml'), await toConfig(o, { folder, grpcPort }));
    await writeFile(join(folder, 'dynamic.yaml'), toDynamic(o.dynamic ?? {}));
    const ending = new AbortController();
    const args = ['-c', `exec "$0" --root "$1" --env spec start > "$1/server.log" 2>&1`, program, folder];
    const chain = spawnChain([{ program: 'bash', args }], { signal: ending.signal, killAfterMs: 10_000 });
    chain.stdout.resume();
    return new TemporalServer(folder, `127.0.0.1:${grpcPort}`, chain, ending);
  }

  /** Everything that a client or a worker may ask. */
  get service(): Connection['workflowService'] {
    if (this.connected === undefined) throw new Error('Temporal is not up');
    return this.connected.workflowService;
  }

  /** Each service of the server learns of it within seconds. */
  async registerNamespace(): Promise<void> {
    const workflowExecutionRetentionPeriod = { seconds: Long.fromNumber(86_400) };
    await this.service.registerNamespace({ namespace: NAMESPACE, workflowExecutionRetentionPeriod });
  }

  /** What waits at the server, a poll for tasks, has to say for how long. */
  within<T>(ms: number, ask: () => Promise<T>): Promise<T> {
    if (this.connected === undefined) throw new Error('Temporal is not up');
    return this.connected.withDeadline(Date.now() + ms, ask);
  }

  log(): Promise<string> {
    return readFile(join(this.folder, 'server.log'), 'utf8').catch(() => '');
  }

  async stop(): Promise<void> {
    await this.connected?.close();
    this.ending.abort(new Error('the spec is over'));
    await this.chain.ended.catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async untilUp(): Promise<void> {
    let isOver = false;
    void this.chain.ended
      .catch(() => undefined)
      .then(() => {
        isOver = true;
      });
    for (const end = Date.now() + 60_000; ; await sleep(200)) {
      if (isOver) throw new EndedEarly('it ended');
      try {
        this.connected ??= await Connection.connect({ address: this.address, connectTimeout: 1_000 });
        await this.connected.workflowService.getClusterInfo({});
        return;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
  }
}

async function toConfig(
  { database, historyShards = 4 }: TemporalServerOptions,
  { folder, grpcPort }: { readonly folder: string; readonly grpcPort: number },
): Promise<string> {
  const store = (name: string) => ({
    sql: {
      ...{ pluginName: 'postgres12', databaseName: name, connectAddr: `${host}:${port}`, connectProtocol: 'tcp' },
      ...{ user, password, maxConns: 5, maxIdleConns: 5 },
    },
  });
  const services: Record<string, unknown> = {};
  for (const name of SERVICES) {
    // Temporal keeps the ports of its ring in columns of type smallint.
    const own = { grpcPort: name === 'frontend' ? grpcPort : await findLowPort(), membershipPort: await findLowPort() };
    services[name] = { rpc: { ...own, bindOnLocalHost: true } };
  }
  const cluster = {
    enabled: true,
    initialFailoverVersion: 1,
    rpcName: 'frontend',
    rpcAddress: `127.0.0.1:${grpcPort}`,
  };
  const config = {
    log: { stdout: true, level: 'warn' },
    persistence: {
      ...{ defaultStore: 'main', visibilityStore: 'visibility', numHistoryShards: historyShards },
      datastores: { main: store(database), visibility: store(`${database}_visibility`) },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services,
    clusterMetadata: {
      ...{ enableGlobalNamespace: false, failoverVersionIncrement: 10 },
      ...{ masterClusterName: 'active', currentClusterName: 'active', clusterInformation: { active: cluster } },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: join(folder, 'dynamic.yaml'), pollInterval: '10s' },
  };
  // JSON is YAML.
  return JSON.stringify(config);
}

const toDynamic = (settings: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, [{ value }]])));
