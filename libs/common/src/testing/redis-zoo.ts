import type { Redis } from 'ioredis';

export const LIBRARY =
  '#!lua name=zoo\nredis.register_function{function_name="zoo_one", callback=function() return 1 end, flags={"no-writes"}}';

/** Every type of value in every encoding that a server of today writes, keys with and without an end, in two databases, and a function. */
export async function fillZoo(client: Redis, o: { readonly prefix?: string } = {}): Promise<void> {
  const key = (name: string): string => `${o.prefix ?? 'zoo:'}${name}`;
  const many = Array.from({ length: 700 }, (_, index) => `element ${index} ${'x'.repeat(index % 90)}`);
  const batch = client.pipeline();
  batch
    .set(key('text'), 'plain text')
    .set(key('number'), '12345')
    .set(key('negative'), '-7')
    .set(key('large'), '9007199254740993');
  batch.set(key('compressible'), 'abc'.repeat(5_000)).set(key('binary'), Buffer.from([0, 255, 128, 10, 13]));
  batch.set(Buffer.from([0xff, 0xfe, 0x00, 0x41]), 'a key that is no text').set(key('empty'), '');
  batch.rpush(key('list:small'), 'a', '1', '-5000', '70000', '3000000000', 'b'.repeat(100));
  batch.rpush(key('list:large'), ...many).rpush(key('list:plain'), 'y'.repeat(20_000), 'z');
  batch
    .sadd(key('set:ints'), 3, 1, 2, 70_000, 5_000_000_000)
    .sadd(key('set:small'), 'a', 'b', '3')
    .sadd(key('set:large'), ...many);
  batch.zadd(key('zset:small'), 1, 'one', 2.5, 'two and a half', '-inf', 'least', '+inf', 'most');
  batch.zadd(key('zset:large'), ...many.flatMap((member, index) => [index / 3, member]));
  batch.hset(key('hash:small'), { a: '1', b: 'two', c: '-300' });
  batch.hset(key('hash:large'), Object.fromEntries(many.map((value, index) => [`field ${index}`, value])));
  for (let index = 1; index <= 250; index += 1)
    batch.xadd(key('stream'), `${1_700_000_000_000 + index}-${index % 3}`, 'n', index, 'text', `entry ${index}`);
  batch
    .xadd(key('stream'), '1700000001000-5', 'other', 'fields', 'than', 'before')
    .xdel(key('stream'), '1700000000005-2');
  batch.xgroup('CREATE', key('stream'), 'readers', '0').xgroup('CREATE', key('stream'), 'idle', '$');
  batch.call('XREADGROUP', 'GROUP', 'readers', 'alice', 'COUNT', '5', 'STREAMS', key('stream'), '>');
  batch.call('XREADGROUP', 'GROUP', 'readers', 'bob', 'COUNT', '2', 'STREAMS', key('stream'), '>');
  batch
    .xack(key('stream'), 'readers', '1700000000001-1')
    .xadd(key('stream:emptied'), '5-5', 'a', 'b')
    .xdel(key('stream:emptied'), '5-5');
  batch
    .set(key('session'), 'ends in an hour', 'EX', 3_600)
    .hset(key('hash:ending'), { a: '1' })
    .pexpire(key('hash:ending'), 7_200_000);
  batch.select(3).set(key('elsewhere'), 'in database 3').select(0);
  batch.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY);
  for (const [error] of (await batch.exec()) ?? []) if (error !== null) throw error;
}

/** Of servers that know it: fields with a time to live of their own. */
export async function addFieldTimes(client: Redis, prefix = 'zoo:'): Promise<void> {
  const key = `${prefix}hash:fields`;
  await client.hset(key, { short: 'ends', long: 'stays' });
  await client.call('HPEXPIREAT', key, String(Date.now() + 3_600_000), 'FIELDS', '1', 'short');
}
