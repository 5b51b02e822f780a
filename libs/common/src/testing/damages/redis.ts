import type { Redis } from 'ioredis';
import { redis } from '#common/engines/redis/redis.engine.js';
import { RedisServer } from '#common/testing/redis-server.js';
import { fillZoo, LIBRARY } from '#common/testing/redis-zoo.js';
import { type DamageFixture, defineDamages } from './damage-bed.js';
import type { SeededDamage } from './seeded-damage.js';

const DAMAGES: readonly Omit<SeededDamage<Redis>, 'use'>[] = [
  { name: 'a key is lost', does: (client) => client.del('zoo:text'), found: 'key "zoo:text": it is missing' },
  {
    name: 'a key whose time is not over is lost',
    does: (client) => client.del('zoo:session'),
    found: 'key "zoo:session": it is missing, and its time is not over',
  },
  {
    name: 'a key lives for ever that had a time to live',
    does: (client) => client.persist('zoo:session'),
    found: 'key "zoo:session": has lost its time to live',
  },
  {
    name: 'a key ends that had no time to live',
    does: (client) => client.expire('zoo:text', 900),
    found: 'key "zoo:text": has a time to live, and had none',
  },
  {
    name: 'a key ends at another time',
    does: (client) => client.expire('zoo:session', 60),
    found: 'key "zoo:session": ends at another time',
  },
  {
    name: 'a value is another one',
    does: (client) => client.set('zoo:text', 'changed'),
    found: 'key "zoo:text": another value',
  },
  {
    name: 'a key has another name',
    does: (client) => client.rename('zoo:text', 'zoo:next'),
    found: 'key "zoo:text": it is missing',
  },
  {
    name: 'a key is of another type',
    does: (client) => client.multi().del('zoo:text').rpush('zoo:text', 'plain text').exec(),
    found: 'key "zoo:text": another type',
  },
  { name: 'a key was made since', does: (client) => client.set('extra', '1'), found: 'string: another number of keys' },
  {
    name: 'a list has lost an element',
    does: (client) => client.lpop('zoo:list:large'),
    found: 'key "zoo:list:large": another value',
  },
  {
    name: 'a set has an element more',
    does: (client) => client.sadd('zoo:set:small', 'more'),
    found: 'key "zoo:set:small": another value',
  },
  {
    name: 'a score is another one',
    does: (client) => client.zincrby('zoo:zset:small', 1, 'one'),
    found: 'key "zoo:zset:small": another value',
  },
  {
    name: 'a hash has lost a field',
    does: (client) => client.hdel('zoo:hash:large', 'field 1'),
    found: 'key "zoo:hash:large": another value',
  },
  {
    name: 'a stream has lost an entry',
    does: (client) => client.xdel('zoo:stream', '1700000000007-1'),
    found: 'key "zoo:stream": another value',
  },
  {
    name: 'a stream has lost a group',
    does: (client) => client.xgroup('DESTROY', 'zoo:stream', 'idle'),
    found: 'key "zoo:stream": another value',
  },
  {
    name: 'a group of a stream begins again',
    does: (client) => client.xgroup('SETID', 'zoo:stream', 'readers', '0'),
    found: 'key "zoo:stream": another value',
  },
  {
    name: 'a group of a stream has nothing pending',
    does: (client) => client.xack('zoo:stream', 'readers', '1700000000003-0'),
    found: 'key "zoo:stream": another value',
  },
  {
    name: 'a library of functions is lost',
    does: (client) => client.call('FUNCTION', 'DELETE', 'zoo'),
    undo: (client) => client.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY),
    found: 'function library zoo: it is missing',
  },
  {
    name: 'a function does something else',
    does: (client) => client.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY.replace('return 1', 'return 2')),
    undo: (client) => client.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY),
    found: 'function library zoo: another code',
  },
];

/** Keys of every type, each damage in a database of its own. */
export const redisDamages = defineDamages(
  'redis',
  DAMAGES.map((damage) => ({ use: 'redis', ...damage })),
  async (): Promise<DamageFixture<Redis>> => {
    const source = await RedisServer.start('valkey');
    const target = await RedisServer.start('valkey', { options: { databases: '100' } });
    await fillZoo(source.client());
    let made = 0;
    return {
      engine: redis,
      dataset: { url: `${source.url}/0` },
      target: { url: target.url },
      method: 'rdb',
      newDestination: () => {
        made += 1;
        return String(made);
      },
      open: (destination) => target.client(Number(destination)),
      names: (destination) => ({ destination }),
      close: async () => {
        await source.remove();
        await target.remove();
      },
    };
  },
);
