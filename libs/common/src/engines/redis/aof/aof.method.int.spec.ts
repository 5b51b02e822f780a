import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findFreePort } from '#common/testing/free-port.js';
import { MAKES, type RedisServer, type ServerMake } from '#common/testing/redis-server.js';
import { describeKeys, RedisTestBed } from '#common/testing/redis-test-bed.js';
import { fillZoo } from '#common/testing/redis-zoo.js';
import { AofScanner } from './aof-scanner.js';

const ON = { appendonly: 'yes', appendfsync: 'always' };

let bed: RedisTestBed;
beforeEach(async () => {
  bed = await RedisTestBed.create();
});
afterEach(() => bed.remove());

const start = (make: ServerMake, options = {}) => bed.start(make, { options: { ...ON, ...options } });
const toDataset = (server: RedisServer) => server.dataset({ aofDirectory: join(server.folder, 'appendonlydir') });

async function restoreFiles(manifest: Awaited<ReturnType<RedisTestBed['backup']>>, folder: string) {
  const port = await findFreePort();
  const connection = { ...(await import('../connection.js')).parseRedisUrl(`redis://127.0.0.1:${port}`) };
  const target = { name: 'staging', connection, directory: folder, copy: 'dump' as const };
  return bed.restore(manifest, target, { strategy: 'files' });
}

describe.each(MAKES)('append-only files of %s', (make) => {
  it('are taken while clients write and the server rewrites, and come back whole', async () => {
    const server = await start(make);
    const client = server.client();
    await fillZoo(client);
    await client.bgrewriteaof();
    let isOver = false;
    const writing = (async () => {
      for (let turn = 1; !isOver; turn += 1) {
        await client.multi().set('left', turn).set('right', turn).exec();
        if (turn % 50 === 0)
          await server
            .client()
            .bgrewriteaof()
            .catch(() => undefined);
      }
    })();
    const manifest = await bed.backup(toDataset(server), 'aof');
    isOver = true;
    await writing;
    expect(manifest.snapshot.nodes.map(({ object }) => object)).toEqual([
      expect.stringMatching(/base\.rdb$/),
      ...manifest.snapshot.nodes.slice(1, -1).map(() => expect.stringMatching(/incr\.aof$/)),
      'appendonly.aof.manifest',
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
    await restoreFiles(manifest, folder);
    const copy = await bed.start(make, { folder, options: ON });
    const [left, right] = await copy.client().mget('left', 'right');
    expect([Number(left) >= 0, left]).toEqual([true, right]);
    expect(await copy.client().get('zoo:text')).toBe('plain text');
  });

  it('of a quiet server come back equal', async () => {
    const server = await start(make, { 'aof-use-rdb-preamble': 'no' });
    await fillZoo(server.client());
    const before = await describeKeys(server.client());
    const manifest = await bed.backup(toDataset(server), 'aof');
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
    await restoreFiles(manifest, folder);
    const copy = await bed.start(make, { folder, options: { ...ON, 'aof-use-rdb-preamble': 'no' } });
    expect(await describeKeys(copy.client())).toEqual(before);
  });

  it('are refused where the server writes none, and where the directory is wrong', async () => {
    const off = await bed.start(make);
    await mkdir(join(off.folder, 'appendonlydir'));
    await expect(bed.backup(toDataset(off), 'aof')).rejects.toMatchObject({
      code: 'redis.aof',
      message: expect.stringContaining('writes no append-only file'),
    });
    const server = await start(make);
    await expect(bed.backup(server.dataset(), 'aof')).rejects.toMatchObject({ code: 'config.invalid' });
    for (const [directory, message] of [
      [join(server.folder, 'none'), 'ENOENT'],
      [server.folder, 'no manifest'],
    ] as const) {
      await expect(bed.backup(server.dataset({ aofDirectory: directory }), 'aof')).rejects.toMatchObject({
        code: 'redis.aof',
        message: expect.stringContaining(message),
      });
    }
    const broken = join(server.folder, 'broken');
    await cp(join(server.folder, 'appendonlydir'), broken, { recursive: true });
    const base = (await readdir(broken)).find((name) => name.endsWith('.rdb')) as string;
    await writeFile(join(broken, base), (await readFile(join(broken, base))).subarray(0, 40));
    await expect(bed.backup(server.dataset({ aofDirectory: broken }), 'aof')).rejects.toMatchObject({
      code: 'redis.snapshot',
    });
    expect(await bed.backups.files()).toHaveLength(
      (await bed.backups.files()).filter((file) => !/\.(aof|rdb)/.test(file)).length,
    );
  });

  it('are refused where directory or file cannot be read, and the error says which', async () => {
    const server = await start(make);
    const unreadable = join(server.folder, 'unreadable');
    // Not even an administrator reads a link to itself.
    await symlink(unreadable, unreadable);
    const copy = join(server.folder, 'copy');
    await cp(join(server.folder, 'appendonlydir'), copy, { recursive: true });
    const base = join(copy, (await readdir(copy)).find((name) => name.endsWith('.rdb')) as string);
    await rm(base);
    await symlink(base, base);
    for (const aofDirectory of [unreadable, copy]) {
      await expect(bed.backup(server.dataset({ aofDirectory }), 'aof')).rejects.toMatchObject({
        code: 'redis.aof',
        message: `cannot read ${aofDirectory}: ELOOP`,
      });
    }
  });
});

describe.each(MAKES)('files for a stopped %s', (make) => {
  it.each([['no'], ['yes']])('are what it starts with, with the append-only file on: %s', async (appendonly) => {
    const server = await bed.start(make);
    await fillZoo(server.client());
    const before = await describeKeys(server.client());
    const manifest = await bed.backup(server.dataset());
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
    await restoreFiles(manifest, folder);
    const copy = await bed.start(make, { folder, options: { appendonly } });
    expect(await describeKeys(copy.client())).toEqual(before);
  });

  it('are refused while a server runs there, where files are, and where nothing may be written', async () => {
    const server = await bed.start(make);
    const manifest = await bed.backup(server.dataset());
    const running = bed.target(server, { directory: server.folder });
    await expect(bed.restore(manifest, running, { strategy: 'files' })).rejects.toMatchObject({
      code: 'redis.directory',
      message: expect.stringContaining('answers'),
    });
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
    await writeFile(join(folder, 'dump.rdb'), 'of another');
    await expect(restoreFiles(manifest, folder)).rejects.toMatchObject({
      code: 'redis.directory',
      message: expect.stringContaining('dump.rdb'),
    });
    await expect(restoreFiles(manifest, join(folder, 'none'))).rejects.toMatchObject({
      code: 'redis.directory',
      message: expect.stringContaining('ENOENT'),
    });
    expect(await readdir(folder)).toEqual(['dump.rdb']);
    await rm(folder, { recursive: true });
    await expect(bed.restore(manifest, bed.target(server), { strategy: 'files' })).rejects.toMatchObject({
      code: 'redis.directory',
    });
  });
});

describe('the end of an append-only file', () => {
  const command = (...words: string[]) =>
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

  it.each([1, 3, 1_000])('is that of its last whole command or transaction, in pieces of %s bytes', (step) => {
    const whole = `#TS:1700000000\r\n${command('SELECT', '0')}${command('SET', 'a', 'b\r\n*1')}${command('MULTI')}${command('SET', 'c', 'd')}${command('EXEC')}`;
    const cut = [
      command('SET', 'e', 'f').slice(0, -3),
      `${command('MULTI')}${command('SET', 'g', 'h')}`,
      '*3\r\n$3',
      '',
    ];
    for (const rest of cut) {
      const bytes = Buffer.from(whole + rest);
      const scanner = new AofScanner();
      for (let at = 0; at < bytes.length; at += step) scanner.push(bytes.subarray(at, at + step));
      expect([scanner.wholeBytes, rest]).toEqual([whole.length, rest]);
    }
  });

  it('is not looked for in what is no such file', () => {
    expect(() => new AofScanner().push(Buffer.from('REDIS0010\n'))).toThrow('where a command was expected');
  });
});
