import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts } from '#common/testing/free-port.js';
import { prepareBroker } from '#tools/services/kafka.js';
import { countBrokers } from '#tools/services/kafka-metadata.js';
import { OwnServer } from './own-server.js';

const host = '127.0.0.1';

/** A Kafka node of one spec's own, so that it can be stopped while others use theirs. */
export class OwnBroker {
  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly server: OwnServer,
  ) {}

  static async start(): Promise<OwnBroker> {
    const home = await mkdtemp(join(tmpdir(), 'holdfast-broker-'));
    const [port = 0, controllerPort = 0] = await findFreePorts(2);
    const folder = join(home, 'data');
    await mkdir(folder);
    const files = { properties: join(home, 'kafka.properties'), logging: join(home, 'log4j2.properties') };
    const args = await prepareBroker({ folder, port, controllerPort, ...files });
    const isAnswering = async () => (await countBrokers(host, port)) === 1;
    const server = new OwnServer({ name: 'the broker', file: 'java', args, cwd: home, isAnswering });
    const broker = new OwnBroker(home, port, server);
    await broker.restart();
    return broker;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host, port: this.port };
  }

  get brokers(): readonly string[] {
    return [`${host}:${this.port}`];
  }

  /** As a power cut would. */
  kill(): Promise<void> {
    return this.server.stop('SIGKILL');
  }

  /** As an operator would. */
  stop(): Promise<void> {
    return this.server.stop('SIGTERM');
  }

  restart(): Promise<void> {
    return this.server.start();
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
