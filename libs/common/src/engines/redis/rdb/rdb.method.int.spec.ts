import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { OpenOptions } from '#common/engines/engine.js';
import { parseRedisUrl } from '#common/engines/redis/connection.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import type { RedisDataset } from '#common/engines/redis/redis-dataset.js';
import { runCommand } from '#common/process/run-command.js';
import { plainSealing } from '#common/testing/backup-test-bed.js';
import { MAKES, RedisServer, startCluster } from '#common/testing/redis-server.js';
import { addFieldTimes, fillZoo } from '#common/testing/redis-zoo.js';
import { RdbMethod } from './rdb.method.js';

const { signal } = new AbortController();
const toRaw = promisify(zstdDecompress);

const servers: RedisServer[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function start(...args: Parameters<typeof RedisServer.start>): Promise<RedisServer> {
  const server = await RedisServer.start(...args);
  servers.push(server);
  return server;
}

interface Taken {
  readonly facts: RedisFacts;
  readonly files: ReadonlyMap<string, Buffer>;
}

async function take(dataset: RedisDataset, changes: Partial<OpenOptions> = {}): Promise<Taken> {
  const session = await new RdbMethod().open(dataset, {
    signal,
    sealing: plainSealing,
    purpose: 'regular',
    ...changes,
  });
  try {
    const files = new Map<string, Buffer>();
    for await (const { name, stream } of session.objects()) files.set(name, await toRaw(await buffer(stream)));
    return { facts: await session.facts(), files };
  } finally {
    await session.close();
  }
}

describe.each(MAKES)('a snapshot of %s', (make) => {
  it('is the state of one instant, while clients go on writing', async () => {
    const server = await start(make);
    const client = server.client();
    await fillZoo(client);
    // A pair that is written in one transaction: a snapshot between the two would show it.
    let isOver = false;
    const writing = (async () => {
      for (let turn = 1; !isOver; turn += 1) await client.multi().set('left', turn).set('right', turn).exec();
    })();
    const { facts, files } = await take(server.dataset());
    isOver = true;
    await writing;
    const copy = await startFrom(make, files.get('dump.rdb') as Buffer);
    const [left, right] = await copy.client().mget('left', 'right');
    expect([Number(left), left]).toEqual([expect.any(Number), right]);
    expect(facts.databases[0]?.keys).toBe(await copy.client().dbsize());
    expect(facts).toMatchObject({ server: make, mode: 'single', functions: [{ name: 'zoo' }], warnings: [] });
    expect(facts.nodes[0]).toMatchObject({ role: 'master', replicationId: expect.stringMatching(/^[0-9a-f]{40}$/) });
  });

  it('comes from a server that writes its snapshots to disk first', async () => {
    const server = await start(make, { options: { 'repl-diskless-sync': 'no' } });
    await fillZoo(server.client());
    const { facts, files } = await take(server.dataset());
    expect(facts.nodes[0]?.sizeBytes).toBe(files.get('dump.rdb')?.length);
  });

  it('of an empty server is whole', async () => {
    const { facts } = await take((await start(make)).dataset());
    expect(facts).toMatchObject({ databases: [], functions: [] });
  });

  it('never looks whole when the server dies midway', async () => {
    const server = await start(make, { options: { 'rdb-key-save-delay': '2000' } });
    await server.client().debug('POPULATE', '20000', 'key', '200');
    const taking = take(server.dataset());
    const failed = expect(taking).rejects.toMatchObject({ code: 'redis.unreachable' });
    while (!(await server.log()).includes('Background RDB transfer started'))
      await new Promise((go) => setTimeout(go, 20));
    await new Promise((go) => setTimeout(go, 300));
    await server.kill();
    await failed;
  });

  it('needs the password, and the right to replicate', async () => {
    const server = await start(make, { options: { requirepass: 'main-secret' } });
    const admin = server.client(0, { password: 'main-secret' });
    await admin.call(
      'ACL',
      'SETUSER',
      'backup',
      'on',
      '>s3cret:@/%',
      '~*',
      '&*',
      '+ping',
      '+info',
      '+replconf',
      '+sync',
      '+client',
    );
    await admin.call('ACL', 'SETUSER', 'reader', 'on', '>reads', '~*', '+@read', '+ping', '+info');
    await fillZoo(admin);
    const dataset = (user: string) =>
      server.dataset({ connection: parseRedisUrl(`redis://${user}@127.0.0.1:${server.port}`) });
    expect((await take(dataset(`backup:${encodeURIComponent('s3cret:@/%')}`))).facts.databases).toHaveLength(2);
    await expect(take(dataset('backup:wrong'))).rejects.toMatchObject({ code: 'redis.auth' });
    await expect(take(server.dataset())).rejects.toMatchObject({ code: 'redis.auth' });
    await expect(take(dataset('reader:reads'))).rejects.toMatchObject({
      code: 'redis.permission',
      message: expect.stringMatching(/sync|replconf/i),
    });
  });

  it('comes from a replica that Sentinel names, and from the master without one', async () => {
    const master = await start(make);
    await fillZoo(master.client());
    const replica = await start(make, { options: { replicaof: `127.0.0.1 ${master.port}` } });
    while ((await replica.client().dbsize()) === 0) await new Promise((go) => setTimeout(go, 50));
    const sentinel = await startSentinel(make, master);
    const dataset = master.dataset({
      connection: parseRedisUrl(sentinel.url, { sentinel: { masterName: 'shop' } }),
    });
    // Sentinel says "disconnected" until it has asked the replica itself.
    const sees = async () => JSON.stringify(await sentinel.client(0, NO_DB).call('SENTINEL', 'REPLICAS', 'shop'));
    while (!/"flags","slave"/.test(await sees())) await new Promise((go) => setTimeout(go, 100));
    const ofReplica = await take(dataset);
    expect(ofReplica.facts.nodes).toMatchObject([{ role: 'replica', address: `127.0.0.1:${replica.port}` }]);
    await replica.stop();
    const ofMaster = await take(dataset);
    expect(ofMaster.facts.nodes).toMatchObject([{ role: 'master', address: `127.0.0.1:${master.port}` }]);
    expect(ofMaster.facts.databases).toEqual(ofReplica.facts.databases);
    const unknown = { ...dataset, connection: parseRedisUrl(sentinel.url, { sentinel: { masterName: 'other' } }) };
    await expect(take(unknown)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('"other"'),
    });
  });

  it('of a cluster has every master, with its slots', async () => {
    servers.push(...(await startCluster(make)));
    const [first, second] = servers as [RedisServer, RedisServer];
    const { Cluster } = await import('ioredis');
    const client = new Cluster([{ host: '127.0.0.1', port: first.port }]);
    for (let index = 0; index < 300; index += 1) await client.set(`key ${index}`, index);
    await client.quit();
    const dataset = first.dataset({ connection: parseRedisUrl(second.url, { cluster: true }) });
    const { facts, files } = await take(dataset);
    expect(facts.databases).toMatchObject([{ db: 0, keys: 300 }]);
    expect(facts.nodes.map(({ object, slots }) => [object, slots])).toEqual([
      ['dump-1.rdb', '0-5460'],
      ['dump-2.rdb', '5461-10922'],
      ['dump-3.rdb', '10923-16383'],
    ]);
    expect(files.size).toBe(3);
    await servers[2]?.stop();
    await expect(take(dataset)).rejects.toMatchObject({ code: expect.stringMatching(/redis\.(unreachable|changing)/) });
  });
});

describe('a snapshot', () => {
  it('has the fields with a time to live that Valkey alone writes', async () => {
    const server = await start('valkey');
    await addFieldTimes(server.client());
    const { facts } = await take(server.dataset());
    expect(facts).toMatchObject({ flavour: 'VALKEY', rdbVersion: 80, databases: [{ keys: 1, fieldTimes: 1 }] });
  });

  it('comes over TLS, with a certificate of ours', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-'));
    folders.push(folder);
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
    await runCommand({ program: 'openssl', args: [...args, ...names] }, { signal });
    const tls = { 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': cert };
    const server = await start('redis', { options: { ...tls } });
    await server.client().call('CONFIG', 'SET', 'tls-port', String(server.port + 1));
    await fillZoo(server.client());
    const url = `rediss://127.0.0.1:${server.port + 1}`;
    const files = { caFile: cert, certFile: cert, keyFile: key };
    const { facts } = await take(server.dataset({ connection: parseRedisUrl(url, { tls: files }) }));
    expect(facts.databases).toHaveLength(2);
    await expect(take(server.dataset({ connection: parseRedisUrl(url) }))).rejects.toMatchObject({ code: 'redis.tls' });
    await expect(
      take(server.dataset({ connection: parseRedisUrl(url, { tls: { caFile: join(folder, 'none') } }) })),
    ).rejects.toMatchObject({ code: 'config.invalid', message: expect.stringContaining('ENOENT') });
  });

  it('is refused of a server that is not there', async () => {
    const server = await start('redis');
    await server.stop();
    await expect(take(server.dataset())).rejects.toMatchObject({ code: 'redis.unreachable' });
  });

  it('ends with the signal, and lets go of the server', async () => {
    const server = await start('redis', { options: { 'rdb-key-save-delay': '2000' } });
    await server.client().debug('POPULATE', '20000', 'key', '200');
    const stop = new AbortController();
    const session = await new RdbMethod().open(server.dataset(), {
      signal: stop.signal,
      sealing: plainSealing,
      purpose: 'regular',
    });
    const reading = (async () => {
      for await (const { stream } of session.objects()) await buffer(stream);
    })();
    setTimeout(() => stop.abort(new Error('cancelled')), 300);
    await expect(reading).rejects.toThrow('cancelled');
    await session.close();
    const clients = async () => String(await server.client().call('CLIENT', 'LIST', 'TYPE', 'replica'));
    while ((await clients()).trim() !== '') await new Promise((go) => setTimeout(go, 50));
  });
});

const NO_DB = { enableReadyCheck: false };

async function startFrom(make: 'redis' | 'valkey', file: Buffer): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
  await writeFile(join(folder, 'dump.rdb'), file);
  return start(make, { folder });
}

async function startSentinel(make: 'redis' | 'valkey', master: RedisServer): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
  const config = ['sentinel monitor shop 127.0.0.1 PORT 1', 'sentinel down-after-milliseconds shop 1000'];
  await writeFile(join(folder, 'sentinel.conf'), config.join('\n').replace('PORT', String(master.port)));
  const server = await start(make, { sentinel: true, folder });
  expect(await readFile(join(folder, 'sentinel.conf'), 'utf8')).toContain('shop');
  return server;
}
