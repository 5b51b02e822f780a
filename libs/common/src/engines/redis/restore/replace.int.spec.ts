import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseRedisUrl } from '#common/engines/redis/connection.js';
import { MAKES } from '#common/testing/redis-server.js';
import { describeKeys, RedisTestBed } from '#common/testing/redis-test-bed.js';
import { representative } from '#common/testing/representative.js';

let bed: RedisTestBed;
beforeEach(async () => {
  bed = await RedisTestBed.create();
});
afterEach(() => bed.remove());

describe.each(representative(MAKES))('a replacement in %s', (make) => {
  it('replaces what is there after a safety backup, and leaves other databases alone', async () => {
    const server = await bed.start(make);
    const client = server.client();
    await client.set('kept', 'of the backup');
    const manifest = await bed.backup(server.dataset());
    await client.set('newer', 'than the backup');
    await client.set('kept', 'changed');
    await client.multi().select(5).set('other', 'database').select(0).exec();
    const taken: string[] = [];
    const takeSafetyBackup = async () => {
      taken.push(String(await client.get('newer')));
      return (await bed.backup(server.dataset())).backupId;
    };
    const done = await bed.restore(manifest, bed.target(server), { strategy: 'replace', deps: { takeSafetyBackup } });
    expect(taken).toEqual(['than the backup']);
    expect(done.safetyBackupId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await client.keys('*')).toEqual(['kept']);
    expect(await client.get('kept')).toBe('of the backup');
    expect(await server.client(5).get('other')).toBe('database');
  });

  it('leaves what is there as it was when a replacement fails midway', async () => {
    const server = await bed.start(make);
    await server.client().debug('POPULATE', '50000', 'key', '300');
    const manifest = await bed.backup(server.dataset());
    const small = await bed.start(make, { options: { maxmemory: '8mb', 'maxmemory-policy': 'noeviction' } });
    const client = small.client();
    await client.set('kept', 'until all is there');
    const before = await describeKeys(client);
    await expect(bed.restore(manifest, bed.target(small), { strategy: 'replace' })).rejects.toMatchObject({
      code: 'redis.full',
    });
    expect(await describeKeys(client)).toEqual(before);
    expect(await client.info('keyspace')).not.toContain('db15');
  });

  it('keeps what an application wrote beside it meanwhile, and replaces nothing', async () => {
    const server = await bed.start(make, { options: { databases: '2' } });
    const client = server.client();
    await client.debug('POPULATE', '50000', 'key', '300');
    const manifest = await bed.backup(server.dataset());
    await client.set('newer', 'than the backup');
    const beside = server.client(1);
    const watching = await server.client().monitor();
    const onCommand = (_time: string, [command]: readonly string[]): void => {
      if (command?.toLowerCase() !== 'restore') return;
      watching.off('monitor', onCommand);
      void beside.set('own', 'of the application');
    };
    watching.on('monitor', onCommand);
    await expect(bed.restore(manifest, bed.target(server), { strategy: 'replace' })).rejects.toMatchObject({
      ...{ code: 'restore.failed', message: expect.stringContaining('wrote to database 1') },
    });
    expect(await client.get('newer')).toBe('than the backup');
    expect(await beside.get('own')).toBe('of the application');
  });

  it('puts back what was there where the server does not take a function', async () => {
    const server = await bed.start(make);
    const client = server.client();
    const library = (name: string) =>
      `#!lua name=${name}\nredis.register_function('shared', function() return '${name}' end)`;
    await client.call('FUNCTION', 'LOAD', library('one'));
    await client.set('one', '1');
    const manifest = await bed.backup(server.dataset());
    await client.call('FUNCTION', 'FLUSH');
    await client.call('FUNCTION', 'LOAD', library('other'));
    await client.set('two', '2');
    const before = await describeKeys(client);
    await expect(bed.restore(manifest, bed.target(server), { strategy: 'replace' })).rejects.toMatchObject({
      code: 'redis.refused',
    });
    expect(await describeKeys(client)).toEqual(before);
    expect(await client.call('FCALL', 'shared', '0')).toBe('other');
    expect((await client.info('keyspace')).match(/^db\d+/gm)).toEqual(['db0']);
  });

  it('replaces only where a database is empty beside, and the user may exchange both', async () => {
    const server = await bed.start(make, { options: { databases: '1' } });
    const client = server.client();
    await client.set('kept', 'there');
    const manifest = await bed.backup(server.dataset());
    const replace = (target: ReturnType<typeof bed.target>) => bed.restore(manifest, target, { strategy: 'replace' });
    await expect(replace(bed.target(server))).rejects.toMatchObject({ code: 'redis.no-spare' });
    const other = await bed.start(make);
    const rights = ['on', '>writes', '~*', '+@all', '-swapdb'];
    await other.client().call('ACL', 'SETUSER', 'writer', ...rights);
    const connection = parseRedisUrl(`redis://writer:writes@127.0.0.1:${other.port}`);
    await expect(replace({ ...bed.target(other), connection })).rejects.toMatchObject({
      ...{ code: 'redis.permission', message: expect.stringMatching(/swapdb/i) },
    });
  });
});
