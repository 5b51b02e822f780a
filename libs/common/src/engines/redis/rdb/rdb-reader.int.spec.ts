import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MAKES, RedisServer, type ServerMake } from '#common/testing/redis-server.js';
import { addFieldTimes, fillZoo } from '#common/testing/redis-zoo.js';
import { RdbCounter } from './rdb-counter.js';
import { RdbReader } from './rdb-reader.js';

let server: RedisServer;
afterEach(() => server?.remove());

async function givenFile(make: ServerMake, options: Readonly<Record<string, string>> = {}): Promise<Buffer> {
  server = await RedisServer.start(make, { options });
  await fillZoo(server.client());
  if (make === 'valkey') await addFieldTimes(server.client());
  await server.client().save();
  return readFile(join(server.folder, 'dump.rdb'));
}

function read(file: Buffer, chunkBytes: number, sampleSize = 1_000): RdbCounter {
  const counter = new RdbCounter(sampleSize);
  const reader = new RdbReader(counter, { what: 'the file' });
  for (let at = 0; at < file.length; at += chunkBytes) reader.push(file.subarray(at, at + chunkBytes));
  reader.end();
  return counter;
}

describe.each(MAKES)('an RDB file of %s', (make) => {
  it('is counted by database and type, in whatever pieces it comes', async () => {
    const file = await givenFile(make);
    const counter = read(file, file.length);
    const hashes = make === 'valkey' ? 4 : 3;
    expect(counter.databases).toEqual([
      {
        ...{
          db: 0,
          keys: 20 + hashes - 1,
          expiring: 2,
          fieldTimes: make === 'valkey' ? 1 : 0,
          digest: expect.stringMatching(/^[0-9a-f]{16}$/),
        },
        types: {
          ...{ string: { keys: 9, expiring: 1 }, list: { keys: 3, expiring: 0 }, set: { keys: 3, expiring: 0 } },
          ...{ zset: { keys: 2, expiring: 0 }, hash: { keys: hashes, expiring: 1 }, stream: { keys: 2, expiring: 0 } },
        },
      },
      expect.objectContaining({ db: 3, keys: 1 }),
    ]);
    expect(counter.functions).toEqual([{ name: 'zoo', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    for (const chunkBytes of [1, 7, 64, 4_096]) {
      const again = read(file, chunkBytes);
      expect([again.databases, again.samples]).toEqual([counter.databases, counter.samples]);
    }
  });

  it('is refused when it ends anywhere before its end', async () => {
    const file = await givenFile(make);
    for (let end = 0; end < file.length; end += 1_009) {
      expect(() => read(file.subarray(0, end), 4_096)).toThrow('is no whole RDB file');
    }
    expect(() => read(file.subarray(0, file.length - 1), 64)).toThrow('before its end mark and checksum');
    expect(() => read(Buffer.concat([file, Buffer.from('x')]), 64)).toThrow('bytes follow its checksum');
  });

  it('is refused when a bit of it changed', async () => {
    const file = await givenFile(make);
    for (const at of [0, 30, file.length >> 1, file.length - 12, file.length - 3]) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] as number) ^ 4;
      expect(() => read(damaged, 4_096)).toThrow(/no whole RDB file|RDB version/);
    }
  });

  it('is refused when a newer server wrote it than this program knows', async () => {
    const file = await givenFile(make);
    const newer = Buffer.from(file);
    newer.write(make === 'valkey' ? '999' : '0099', make === 'valkey' ? 6 : 5);
    expect(() => read(newer, 4_096)).toThrow(/has RDB version \d*99; this program reads \w+ up to/);
  });

  it('samples values alike in other encodings of the same content', async () => {
    const small = read(await givenFile(make), 4_096);
    await server.remove();
    const options = {
      ...{ 'hash-max-listpack-entries': '0', 'set-max-intset-entries': '0', 'zset-max-listpack-entries': '0' },
      ...{ rdbcompression: 'no', 'list-max-listpack-size': '1', 'stream-node-max-entries': '7' },
    };
    const large = read(await givenFile(make, options), 4_096);
    const byKey = (counter: RdbCounter) => new Map(counter.samples.map((each) => [each.key, each.sha256]));
    expect(byKey(small).size).toBe(23);
    expect(byKey(large)).toEqual(byKey(small));
  });
});
