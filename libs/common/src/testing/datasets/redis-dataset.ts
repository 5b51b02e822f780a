import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { redis } from '#common/engines/redis/redis.engine.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import { findFreePort } from '#common/testing/free-port.js';
import { RedisServer, type ServerMake } from '#common/testing/redis-server.js';
import { endpoints } from '#tools/services/endpoints.js';

/** Of a restore that is under way, or was. */
const MARK = 'holdfast:restore';

/** A source, and a server whose databases are the destinations. */
export async function startRedisDataset(make: ServerMake): Promise<DatasetFixture> {
  const source = await RedisServer.start(make);
  const target = await RedisServer.start(make, { options: { databases: '100' } });
  const admin = source.client();
  await admin.call('ACL', 'SETUSER', 'reader', 'on', '>reads', '~*', '+@read', '+ping', '+info');
  const [handPort, made] = [await findFreePort(), new Set<string>()];
  const [over, clients] = [target.client(), new Map<string, Redis>()];
  const clientOf = (destination?: string): Redis => {
    if (destination === undefined) return admin;
    const client = clients.get(destination) ?? target.client(Number(destination));
    clients.set(destination, client);
    return client;
  };
  const readAll = async (client: Redis): Promise<string> => {
    const keys = (await client.keys('*')).filter((key) => key !== MARK).sort();
    const values = await Promise.all(keys.map((key) => client.get(key)));
    return keys.map((key, index) => `${key}=${values[index] ?? ''}`).join('\n');
  };
  return {
    engine: redis,
    dataset: { url: source.url },
    target: { url: target.url },
    ...{ method: 'rdb', replacing: 'replace', probes: ['checksums', 'redis'] },
    unfit: [
      { what: 'a server that is not there', dataset: { url: 'redis://127.0.0.1:9' }, code: 'redis.unreachable' },
      {
        what: 'a wrong password',
        dataset: { url: `redis://reader:wrong@127.0.0.1:${source.port}` },
        code: 'redis.auth',
      },
      {
        what: 'a user that may not replicate',
        dataset: { url: `redis://reader:reads@127.0.0.1:${source.port}` },
        code: 'redis.permission',
      },
    ],
    write: async (destination) => void (await clientOf(destination).set(randomUUID(), Date.now())),
    read: async (destination) => (await readAll(clientOf(destination))) || null,
    destroy: () => source.kill(),
    newDestination: () => {
      made.add(String(made.size + 1));
      return String(made.size);
    },
    leftovers: async (runIds) => {
      const filled = [...(await over.info('keyspace')).matchAll(/^db(\d+):/gm)].map(([, db = '']) => db);
      const sessions = `${await over.call('CLIENT', 'LIST')}${await admin.call('CLIENT', 'LIST')}`;
      const marks = await Promise.all(filled.map((db) => clientOf(db).get(MARK)));
      return [
        ...filled.filter((db) => !made.has(db)).map((db) => `database ${db}`),
        ...filled.filter((_, index) => marks[index] !== null).map((db) => `the mark of database ${db}`),
        ...runIds.filter((id) => sessions.includes(id)).map((id) => `a connection of run ${id}`),
      ];
    },
    clear: async () => void (await over.flushall()),
    byHand: {
      environment: {
        PATH: `${make === 'valkey' ? dirname(endpoints.valkey.program) : '/usr/bin'}:/usr/bin:/bin`,
        REDIS_PORT: String(handPort),
      },
      read: async () => {
        let isRead = false;
        const retryStrategy = () => (isRead ? null : 50);
        const client = new Redis({ host: '127.0.0.1', port: handPort, retryStrategy });
        const all = await readAll(client);
        isRead = true;
        await client.shutdown('NOSAVE').catch(() => undefined);
        client.disconnect();
        return all;
      },
    },
    close: async () => {
      await source.remove();
      await target.remove();
    },
  };
}
