import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { redis } from '#common/engines/redis/redis.engine.js';
import { Keyring } from '#common/sealing/keyring.js';
import { MAKES, type RedisServer } from '#common/testing/redis-server.js';
import { RedisTestBed } from '#common/testing/redis-test-bed.js';
import { fillZoo } from '#common/testing/redis-zoo.js';
import { representative } from '#common/testing/representative.js';
import { noInventory } from '#common/testing/restored.js';

const { signal } = new AbortController();

let bed: RedisTestBed;
let server: RedisServer;
let client: Redis;
let check: () => Promise<ProbeOutcome>;
afterEach(() => bed.remove());

describe.each(representative(MAKES))('the probe redis on %s', (make) => {
  beforeEach(async () => {
    bed = await RedisTestBed.create();
    server = await bed.start(make);
    client = server.client();
    await fillZoo(client);
    await client.set('zoo:brief', 'ends soon', 'PX', 3_000);
    const dataset = server.dataset();
    const manifest = await bed.backup(dataset);
    const probe = redis.probes[0]?.prepare({});
    if (probe === undefined || !('probe' in probe)) throw new Error('there is no probe');
    const { repository } = bed.backups;
    const context = {
      manifest,
      dataset,
      target: bed.target(server),
      destination: 'all',
      repository,
      keyring: Keyring.empty,
      inventory: noInventory,
      signal,
    };
    check = () => probe.probe.run(context);
  });

  it('finds no difference where there is none', async () => {
    expect(await check()).toMatchObject({ verdict: 'passed', summary: expect.stringContaining('no difference') });
  });

  it('finds no difference where a key has expired', async () => {
    while ((await client.exists('zoo:brief')) === 1) await sleep(100);
    expect(await check()).toMatchObject({
      verdict: 'passed',
      summary: expect.stringContaining('1 key had a time to live'),
    });
  });

  it.each([
    ['a missing key', () => client.del('zoo:text'), 'database 0, string', 'another number'],
    ['a key too many', () => client.set('extra', '1'), 'database 0, string', 'another number'],
    ['another name', () => client.rename('zoo:text', 'zoo:next'), 'database 0', 'not the same names'],
    [
      'another type',
      () => client.multi().del('zoo:text').rpush('zoo:text', 'a').exec(),
      'database 0, list',
      'another number',
    ],
    ['a lost key that would live on', () => client.del('zoo:session'), 'key "zoo:session"', 'its time is not over'],
    ['a time to live too few', () => client.persist('zoo:session'), 'key "zoo:session"', 'has lost its time to live'],
    ['another end', () => client.expire('zoo:session', 60), 'key "zoo:session"', 'ends at another time'],
    ['a time to live too many', () => client.expire('zoo:text', 100), 'database 0, string', 'more keys with a time'],
    ['another value', () => client.set('zoo:text', 'changed'), 'key "zoo:text"', 'another value'],
    ['another element', () => client.lset('zoo:list:large', 5, 'changed'), 'key "zoo:list:large"', 'another value'],
    ['another score', () => client.zincrby('zoo:zset:small', 1, 'one'), 'key "zoo:zset:small"', 'another value'],
    [
      'another field',
      () => client.hset('zoo:hash:large', 'field 1', 'changed'),
      'key "zoo:hash:large"',
      'another value',
    ],
    [
      'a pending entry less',
      () => client.xack('zoo:stream', 'readers', '1700000000003-0'),
      'key "zoo:stream"',
      'another value',
    ],
    ['a missing function', () => client.call('FUNCTION', 'DELETE', 'zoo'), 'function library zoo', 'missing'],
  ])('finds %s', async (_, change, subject, problem) => {
    await change();
    const { verdict, evidence } = await check();
    expect(verdict).toBe('failed');
    expect(evidence).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          subject: expect.stringContaining(subject),
          problem: expect.stringContaining(problem),
        }),
      ]),
    );
  });
});
