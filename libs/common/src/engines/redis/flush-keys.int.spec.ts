import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { MAKES, type RedisServer, startCluster } from '#common/testing/redis-server.js';
import { countOfCluster, RedisTestBed } from '#common/testing/redis-test-bed.js';
import { representative } from '#common/testing/representative.js';
import { parseRedisUrl } from './connection.js';
import { flushKeys } from './flush-keys.js';

const { signal } = new AbortController();
const now = { signal, isPreview: false };

let bed: RedisTestBed;
beforeEach(async () => {
  bed = await RedisTestBed.create();
});
afterEach(() => bed.remove());

describe.each(representative(MAKES))('flushing %s', (make) => {
  it('removes all keys of one database, what a pattern matches, or everything', async () => {
    const server = await bed.start(make);
    const [client, other] = [server.client(), server.client(2)];
    await client.debug('POPULATE', '3000', 'session:', '10');
    await client.mset('cart:1', 'a', 'cart:2', 'b');
    await other.set('session:9', 'x');
    const target = bed.target(server);
    const flush = (destination: string, o: { pattern?: string; isPreview?: boolean } = {}) =>
      flushKeys(target, destination, { ...now, ...o });
    expect(await flush('0', { pattern: 'session:*', isPreview: true })).toBe(3_000);
    expect(await client.dbsize()).toBe(3_002);
    expect(await flush('0', { pattern: 'session:*' })).toBe(3_000);
    expect((await client.keys('*')).sort()).toEqual(['cart:1', 'cart:2']);
    expect(await flush('0', { pattern: 'nothing*' })).toBe(0);
    expect(await flush('0')).toBe(2);
    expect(await other.dbsize()).toBe(1);
    expect(await flush('all')).toBe(1);
    expect(await other.dbsize()).toBe(0);
  });

  it('reaches every master of a cluster', async () => {
    bed.servers.push(...(await startCluster(make)));
    const [node] = bed.servers as [RedisServer];
    const cluster = new Cluster([{ host: '127.0.0.1', port: node.port }]);
    for (let index = 0; index < 90; index += 1)
      await cluster.set(`${index % 2 === 0 ? 'even' : 'odd'}:${index}`, index);
    const target = bed.target(node, { connection: parseRedisUrl(node.url, { cluster: true }) });
    expect(await flushKeys(target, '0', { ...now, pattern: 'even:*' })).toBe(45);
    expect(await countOfCluster(cluster)).toBe(45);
    expect(await flushKeys(target, 'all', now)).toBe(45);
    expect(await countOfCluster(cluster)).toBe(0);
    await cluster.quit();
  });
});
