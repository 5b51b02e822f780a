import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { parseRedisUrl } from '#common/engines/redis/connection.js';
import { redis } from '#common/engines/redis/redis.engine.js';
import { runCommand } from '#common/process/run-command.js';
import { MAKES, type RedisServer, startCluster } from '#common/testing/redis-server.js';
import { countOfCluster, describeKeys, RedisTestBed } from '#common/testing/redis-test-bed.js';
import { addFieldTimes, fillZoo } from '#common/testing/redis-zoo.js';
import { representative } from '#common/testing/representative.js';

const { signal } = new AbortController();
const [driver] = redis.restores as [(typeof redis.restores)[number]];

let bed: RedisTestBed;
beforeEach(async () => {
  bed = await RedisTestBed.create();
});
afterEach(() => bed.remove());

describe.each(representative(MAKES))('a restore of %s', (make) => {
  it.each(['dump', 'commands'] as const)('brings back every type, groups, ends and functions, by %s', async (copy) => {
    const server = await bed.start(make);
    const client = server.client();
    await fillZoo(client);
    if (make === 'valkey') await addFieldTimes(client);
    const before = await describeKeys(client);
    const manifest = await bed.backup(server.dataset());
    await client.flushall();
    await client.call('FUNCTION', 'FLUSH');
    const { findings } = await bed.restore(manifest, bed.target(server, { copy }));
    expect(await describeKeys(client)).toEqual(before);
    expect(await client.call('FCALL', 'zoo_one', '0')).toBe(1);
    expect(findings).toEqual({ expiredKeys: [], functionsLeft: [], nextSteps: [] });
    if (make === 'valkey')
      expect(await client.call('HPTTL', 'zoo:hash:fields', 'FIELDS', '1', 'short')).toEqual([expect.any(Number)]);
  });

  it('needs no program of the server on this machine', async () => {
    const server = await bed.start(make);
    const client = server.client();
    await client.set('one', '1');
    const { PATH } = process.env;
    // With what seals backups, and nothing else.
    const programs = await mkdtemp(join(tmpdir(), 'holdfast-path-'));
    const { stdout } = await runCommand({ program: 'sh', args: ['-c', 'command -v zstd'] }, { signal });
    await symlink(stdout.trim(), join(programs, 'zstd'));
    process.env['PATH'] = programs;
    try {
      const manifest = await bed.backup(server.dataset());
      await client.flushall();
      await bed.restore(manifest, bed.target(server));
    } finally {
      process.env['PATH'] = PATH;
      await rm(programs, { recursive: true });
    }
    expect(await client.get('one')).toBe('1');
  });

  it('counts keys that expired meanwhile, and lets none of them live', async () => {
    const server = await bed.start(make);
    const client = server.client();
    await client.set('ends', 'soon', 'PX', 400);
    await client.set('stays', 'longer', 'EX', 100);
    const endsAt = await client.call('PEXPIRETIME', 'stays');
    const manifest = await bed.backup(server.dataset());
    await client.flushall();
    await new Promise((go) => setTimeout(go, 500));
    const { findings } = await bed.restore(manifest, bed.target(server));
    expect(findings['expiredKeys']).toEqual(['1 keys whose time was over']);
    expect(await client.keys('*')).toEqual(['stays']);
    expect(await client.call('PEXPIRETIME', 'stays')).toBe(endsAt);
  });

  it('as new goes into empty databases only, and changes nothing else', async () => {
    const server = await bed.start(make);
    const client = server.client();
    await fillZoo(client);
    const manifest = await bed.backup(server.dataset());
    await client.flushdb();
    const before = await describeKeys(client);
    await expect(bed.restore(manifest, bed.target(server))).rejects.toMatchObject({
      ...{ code: 'redis.not-empty', message: expect.stringContaining('database 3') },
    });
    expect(await describeKeys(client)).toEqual(before);
  });

  it('goes into another database where the backup has one, and is refused where it has more', async () => {
    const server = await bed.start(make);
    const client = server.client();
    await client.set('one', '1');
    const manifest = await bed.backup(server.dataset());
    await bed.restore(manifest, bed.target(server), { destination: '7' });
    expect(await server.client(7).get('one')).toBe('1');
    await fillZoo(client);
    const two = await bed.backup(server.dataset());
    await expect(bed.restore(two, bed.target(server), { destination: '9' })).rejects.toMatchObject({
      code: 'request.invalid',
    });
    await expect(bed.restore(manifest, bed.target(server), { destination: '16' })).rejects.toMatchObject({
      code: 'redis.version',
    });
  });

  it('leaves the database empty when it fails midway', async () => {
    const server = await bed.start(make);
    await server.client().debug('POPULATE', '50000', 'key', '300');
    const manifest = await bed.backup(server.dataset());
    const small = await bed.start(make, { options: { maxmemory: '8mb', 'maxmemory-policy': 'noeviction' } });
    await expect(bed.restore(manifest, bed.target(small))).rejects.toMatchObject({ code: 'redis.full' });
    expect(await small.client().dbsize()).toBe(0);
  });

  it('is finished by the next attempt of its run after a kill, and by no other run', async () => {
    const server = await bed.start(make);
    const client = server.client();
    await fillZoo(client);
    const before = await describeKeys(client);
    const manifest = await bed.backup(server.dataset());
    await client.flushall();
    const runId = randomUUID();
    // What a killed attempt leaves: a marker, and some keys.
    await client.set(
      'holdfast:restore',
      JSON.stringify({ runId, attempt: 1, state: 'filling', at: new Date().toISOString() }),
    );
    await client.set('half', 'written');
    await expect(bed.restore(manifest, bed.target(server))).rejects.toMatchObject({ code: 'redis.not-empty' });
    await bed.restore(manifest, bed.target(server), { identity: { runId, attempt: 2 } });
    expect(await describeKeys(client)).toEqual(before);
  });

  it('excludes others until its connections are ended', async () => {
    const server = await bed.start(make);
    await server.client().set('one', '1');
    const manifest = await bed.backup(server.dataset());
    await server.client().flushall();
    const target = bed.target(server);
    const identity = { runId: randomUUID(), attempt: 2 };
    const order = { manifest, target, destination: 'all', strategy: 'new', identity };
    const fence = await driver.fence(order, { signal });
    await expect(bed.restore(manifest, target)).rejects.toMatchObject({ code: 'restore.busy' });
    await expect(bed.restore(manifest, target, { destination: '5' })).rejects.toMatchObject({ code: 'restore.busy' });
    const earlier = { ...order, identity: { ...identity, attempt: 1 } };
    await expect(driver.fence(earlier, { signal })).rejects.toMatchObject({ code: 'claim.lost' });
    await driver.end(target, { ...identity, attempt: 1 }, signal);
    expect((await driver.sweep(target, async () => 'open', signal)).ended).toEqual([]);
    await driver.end(target, identity, signal);
    expect(await fence.whenLost).toMatchObject({ code: 'redis.unreachable' });
    await bed.restore(manifest, target);
    expect(await server.client().get('one')).toBe('1');
  });

  it('takes over from a dead attempt, and from a run that is over', async () => {
    const server = await bed.start(make);
    const manifest = await bed.backup(server.dataset());
    const target = bed.target(server);
    const order = {
      manifest,
      target,
      destination: 'all',
      strategy: 'new',
      identity: { runId: randomUUID(), attempt: 1 },
    };
    const first = await driver.fence(order, { signal });
    const second = await driver.fence({ ...order, identity: { ...order.identity, attempt: 2 } }, { signal });
    await first.whenLost;
    const other = { ...order, identity: { runId: randomUUID(), attempt: 1 } };
    await expect(driver.fence(other, { signal })).rejects.toMatchObject({ code: 'restore.busy' });
    const third = await driver.fence(other, { signal, isOver: async () => true });
    await second.whenLost;
    await third.close();
  });

  it('is swept when its run is over, and stays while it is not', async () => {
    const server = await bed.start(make);
    const client = server.client();
    const runId = randomUUID();
    await client.select(4);
    await client.set(
      'holdfast:restore',
      JSON.stringify({ runId, attempt: 1, state: 'filling', at: new Date().toISOString() }),
    );
    await client.set('half', 'written');
    const sweep = (state: 'open' | 'over' | 'unknown') => driver.sweep(bed.target(server), async () => state, signal);
    expect(await sweep('open')).toEqual({ ended: [], removed: [], failed: [] });
    expect(await sweep('unknown')).toEqual({ ended: [], removed: [], failed: [] });
    expect((await sweep('over')).removed).toEqual([expect.stringContaining('database 4')]);
    expect(await client.dbsize()).toBe(0);
  });

  it('goes from a cluster to one server, and from one server to a cluster', async () => {
    bed.servers.push(...(await startCluster(make)));
    const [node] = bed.servers as [RedisServer];
    const cluster = new Cluster([{ host: '127.0.0.1', port: node.port }]);
    for (let index = 0; index < 200; index += 1) await cluster.set(`key ${index}`, index);
    const connection = parseRedisUrl(node.url, { cluster: true });
    const manifest = await bed.backup(node.dataset({ connection }));
    const single = await bed.start(make);
    await bed.restore(manifest, bed.target(single));
    expect(await single.client().dbsize()).toBe(200);
    const target = { ...bed.target(node), connection };
    await expect(bed.restore(manifest, target)).rejects.toMatchObject({ code: 'redis.not-empty' });
    await bed.restore(await bed.backup(single.dataset()), target, { strategy: 'replace' });
    expect(await countOfCluster(cluster)).toBe(200);
    expect(await cluster.get('key 123')).toBe('123');
    for (const each of bed.servers.slice(0, 3)) await each.client().config('SET', 'maxmemory', '1mb');
    const safetyBackupId = randomUUID();
    const failing = bed.restore(await bed.backup(single.dataset()), target, {
      ...{ strategy: 'replace', deps: { takeSafetyBackup: async () => safetyBackupId } },
    });
    await expect(failing).rejects.toMatchObject({
      code: 'redis.full',
      message: expect.stringContaining('half there'),
      hint: expect.stringContaining(`holdfast restore run ${safetyBackupId} --target staging`),
    });
    await cluster.quit();
  });

  it('needs rights, a password and a server', async () => {
    const server = await bed.start(make, { options: { requirepass: 'main-secret' } });
    const admin = server.client(0, { password: 'main-secret' });
    await admin.call(
      'ACL',
      'SETUSER',
      'reader',
      'on',
      '>reads',
      '~*',
      '+@read',
      '+ping',
      '+info',
      '+client',
      '+select',
    );
    const as = (user: string) => ({
      ...bed.target(server),
      connection: parseRedisUrl(`redis://${user}@127.0.0.1:${server.port}`),
    });
    const manifest = await bed.backup(server.dataset({ connection: as(':main-secret').connection }));
    await expect(bed.restore(manifest, as(':wrong'))).rejects.toMatchObject({ code: 'redis.auth' });
    await expect(bed.restore(manifest, as('reader:reads'))).rejects.toMatchObject({ code: 'redis.permission' });
    await server.stop();
    await expect(bed.restore(manifest, as(':main-secret'))).rejects.toMatchObject({ code: 'redis.unreachable' });
  });
});

describe('a restore to another make or version', () => {
  it('is refused where the server does not read the file, and goes by commands', async () => {
    const newer = await bed.start('valkey');
    await fillZoo(newer.client());
    const before = await describeKeys(newer.client());
    const manifest = await bed.backup(newer.dataset());
    const older = await bed.start('redis');
    await expect(bed.restore(manifest, bed.target(older))).rejects.toMatchObject({
      ...{
        code: 'redis.version',
        message: expect.stringContaining('Redis 7.0'),
        hint: expect.stringContaining('copy: commands'),
      },
    });
    await bed.restore(manifest, bed.target(older, { copy: 'commands' }));
    expect(await describeKeys(older.client())).toEqual(before);
  });

  it('is refused where fields would live for ever', async () => {
    const newer = await bed.start('valkey');
    await addFieldTimes(newer.client());
    const manifest = await bed.backup(newer.dataset());
    const older = await bed.start('redis');
    await expect(bed.restore(manifest, bed.target(older, { copy: 'commands' }))).rejects.toMatchObject({
      ...{ code: 'redis.version', message: expect.stringContaining('live for ever') },
    });
  });

  it('goes to a newer one as the file has it', async () => {
    const older = await bed.start('redis');
    await fillZoo(older.client());
    const before = await describeKeys(older.client());
    const manifest = await bed.backup(older.dataset());
    const newer = await bed.start('valkey');
    await bed.restore(manifest, bed.target(newer));
    expect(await describeKeys(newer.client())).toEqual(before);
  });
});
