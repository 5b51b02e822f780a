import { randomUUID } from 'node:crypto';
import { engineContract } from '#common/testing/engine-contract.js';
import type { StoreFixture } from '#common/testing/engine-harness.js';
import { MAKES, RedisServer, type ServerMake } from '#common/testing/redis-server.js';
import { redis } from './redis.engine.js';

const SECRET = 'spec-secret';

async function start(make: ServerMake): Promise<StoreFixture> {
  const source = await RedisServer.start(make, { options: { requirepass: SECRET } });
  const target = await RedisServer.start(make, { options: { databases: '100' } });
  const url = `redis://:${SECRET}@127.0.0.1:${source.port}`;
  const clientOf = (destination?: string) =>
    destination === undefined ? source.client(0, { password: SECRET }) : target.client(Number(destination));
  const using = async <T>(
    destination: string | undefined,
    work: (client: ReturnType<typeof clientOf>) => Promise<T>,
  ) => {
    const client = clientOf(destination);
    return work(client).finally(() => client.disconnect());
  };
  let destinations = 0;
  return {
    engine: redis,
    dataset: { url },
    target: { url: target.url },
    method: 'rdb',
    replacing: 'replace',
    probes: ['checksums', 'redis'],
    unfit: [
      { what: 'a server that is not there', dataset: { url: 'redis://127.0.0.1:9' }, code: 'redis.unreachable' },
      { what: 'a wrong password', dataset: { url: url.replace(SECRET, 'wrong') }, code: 'redis.auth' },
    ],
    write: (destination) =>
      using(destination, async (client) => {
        const id = randomUUID();
        await client.multi().set(`text:${id}`, `value of ${id}`).rpush('list', id).hset('hash', id, '1').exec();
      }),
    read: (destination) =>
      using(destination, async (client) => {
        const keys = (await client.keys('*')).sort();
        if (keys.length === 0) return null;
        const values = await Promise.all(keys.map((key) => read(client, key)));
        return keys.map((key, index) => `${key} ${values[index]}`).join('\n');
      }),
    destroy: () => using(undefined, async (client) => void (await client.flushall())),
    newDestination: () => {
      destinations += 1;
      return String(destinations);
    },
    clear: () => using('0', async (client) => void (await client.flushall())),
    leftovers: async () => [],
    close: async () => {
      await source.remove();
      await target.remove();
    },
  };
}

async function read(client: ReturnType<RedisServer['client']>, key: string): Promise<string> {
  if (key === 'list') return (await client.lrange(key, 0, -1)).join();
  if (key === 'hash') return JSON.stringify(Object.entries(await client.hgetall(key)).sort());
  return (await client.get(key)) ?? '';
}

for (const make of MAKES) engineContract(make, () => start(make));
