import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Channels } from '#common/catalog/channels.js';
import { anEvent, CatalogTestBed } from '#common/testing/catalog-test-bed.js';

let bed: CatalogTestBed;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());
beforeEach(() => bed.admin.query('TRUNCATE holdfast.outbox'));

const add = (id: string, key = 'shop', type = 'backup.completed') =>
  bed.catalog.transaction((tx) => tx.outbox.add(anEvent(id, type), { topic: type, key }));
const batch = () => bed.catalog.transaction((tx) => tx.outbox.nextBatch(1_000));

describe('the outbox', () => {
  it('lets no reader see a later event of a key before an earlier one, however writers overlap', async () => {
    const catalogs = [bed.catalog, await bed.another(), await bed.another()];
    const seen: number[][] = [];
    let isWriting = true;
    const writers = Array.from({ length: 12 }, async (_, writer) => {
      for (let round = 0; round < 12; round += 1) {
        await catalogs[writer % 3]?.transaction(async (tx) => {
          // Half of the writers dawdle before, half of them after they drew their number.
          if (writer % 2 === 0) await delay(Math.random() * 4);
          await tx.outbox.add(anEvent(`${writer}-${round}`), { topic: 't', key: 'shop' });
          await delay(Math.random() * 4);
        });
      }
    });
    const reader = (async () => {
      while (isWriting) seen.push((await batch()).map(({ id }) => id));
    })();
    await Promise.all(writers);
    isWriting = false;
    await reader;
    const all = (await batch()).map(({ id }) => id);
    expect(all).toHaveLength(144);
    // Whatever was visible at any moment is a beginning of the final order: nothing came to stand before it later.
    for (const ids of seen) expect(ids).toEqual(all.slice(0, ids.length));
    expect(seen.some((ids) => ids.length > 0 && ids.length < 144)).toBe(true);
  });

  it('does not make writers of different keys wait for each other', async () => {
    await bed.catalog.transaction(async (tx) => {
      await tx.outbox.add(anEvent('first'), { topic: 't', key: 'one' });
      await add('second', 'two');
    });
    expect((await batch()).map(({ eventId }) => eventId).sort()).toEqual(['first', 'second']);
  });

  it('says nothing of a transaction that was rolled back', async () => {
    const failing = bed.catalog.transaction(async (tx) => {
      await tx.outbox.add(anEvent('never'), { topic: 't', key: 'shop' });
      throw new RangeError('on purpose');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await batch()).toEqual([]);
  });

  it('keeps what was published out of later batches, and prunes it when it is old', async () => {
    await add('one');
    await add('two');
    const [one] = await batch();
    await bed.catalog.transaction((tx) => tx.outbox.markPublished([one?.id ?? 0]));
    expect((await batch()).map(({ eventId }) => eventId)).toEqual(['two']);
    expect(await bed.catalog.transaction((tx) => tx.outbox.lag())).toMatchObject({ unpublished: 1 });
    expect(await bed.catalog.transaction((tx) => tx.outbox.prune(60_000, 10))).toBe(0);
    await bed.admin.query(`UPDATE holdfast.outbox SET published_at = published_at - interval '1 hour'`);
    expect(await bed.catalog.transaction((tx) => tx.outbox.prune(60_000, 10))).toBe(1);
    expect((await batch()).map(({ eventId }) => eventId)).toEqual(['two']);
  });

  it('shows requests that wait longer than the grace time, of the asked types only, until their consumer has taken them', async () => {
    await add('request', 'shop', 'backup.requested');
    await add('fact');
    await add('other', 'shop', 'restore.requested');
    const waiting = (olderThanMs: number, consumer = 'executor') =>
      bed.catalog.transaction((tx) =>
        tx.outbox.untakenRequests({ types: ['backup.requested'], consumer, olderThanMs }),
      );
    expect(await waiting(60_000)).toEqual([]);
    expect((await waiting(0)).map(({ event }) => event)).toEqual([anEvent('request', 'backup.requested')]);
    const { source, id } = anEvent('request', 'backup.requested');
    const keepUntil = new Date(Date.now() + 60_000);
    await bed.catalog.transaction((tx) => tx.inbox.remember({ consumer: 'executor', source, id, keepUntil }));
    expect(await waiting(0)).toEqual([]);
    expect(await waiting(0, 'another')).toHaveLength(1);
  });

  it('wakes its listeners on commit', async () => {
    const { promise: woken, resolve } = Promise.withResolvers<string | undefined>();
    const unlisten = await bed.catalog.listen(Channels.outboxAdded, resolve);
    await add('one');
    expect(await woken).toBe('');
    unlisten();
  });
});

describe('the inbox', () => {
  it('remembers a request once per consumer and source, also when two take it at once', async () => {
    const keepUntil = new Date(Date.now() + 60_000);
    const taken = { consumer: 'executor', source: 'spec', id: randomUUID(), keepUntil };
    const remember = (other: Partial<typeof taken> = {}) =>
      bed.catalog.transaction((tx) => tx.inbox.remember({ ...taken, ...other }));
    const answers = await Promise.all(Array.from({ length: 8 }, () => remember()));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await remember({ consumer: 'verifier' })).toBe(true);
    expect(await remember({ source: 'else' })).toBe(true);
  });

  it('is free again when the transaction that took it failed', async () => {
    const taken = { consumer: 'executor', source: 'spec', id: randomUUID(), keepUntil: new Date() };
    const failing = bed.catalog.transaction(async (tx) => {
      await tx.inbox.remember(taken);
      throw new RangeError('on purpose');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await bed.catalog.transaction((tx) => tx.inbox.remember(taken))).toBe(true);
  });

  it('forgets only what need not be kept', async () => {
    await bed.admin.query('TRUNCATE holdfast.inbox');
    const past = new Date(Date.now() - 1_000);
    const taken = { consumer: 'c', source: 's', keepUntil: past };
    await bed.catalog.transaction(async (tx) => {
      await tx.inbox.remember({ ...taken, id: 'old' });
      await tx.inbox.remember({ ...taken, id: 'young', keepUntil: new Date(Date.now() + 60_000) });
    });
    expect(await bed.catalog.transaction((tx) => tx.inbox.prune(10))).toBe(1);
    expect(await bed.catalog.transaction((tx) => tx.inbox.remember({ ...taken, id: 'young' }))).toBe(false);
  });
});
