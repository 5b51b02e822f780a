import { mkdir, writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { launch, stopProcess } from './background.js';
import { ensureCommand } from './debian.js';
import { endpoints } from './endpoints.js';
import { configFile, dataDir } from './paths.js';
import type { Service } from './service.js';

const { host, port } = endpoints.redis;

export const redis: Service = {
  name: 'redis',
  version: 'of the distribution',
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await ensureCommand('redis-server', 'redis-server');
  },
  start: async () => {
    const folder = dataDir('redis');
    await mkdir(folder, { recursive: true });
    const config = configFile('redis.conf');
    await writeFile(config, `bind ${host}\nport ${port}\ndir "${folder}"\nsave ""\nappendonly no\n`);
    await launch('redis', { port, file: 'redis-server', args: [config], cwd: folder });
  },
  isAnswering,
  stop: () => stopProcess('redis', 'SIGTERM'),
};

async function isAnswering(): Promise<boolean> {
  const client = new Redis({
    host,
    port,
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: 2_000,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}
