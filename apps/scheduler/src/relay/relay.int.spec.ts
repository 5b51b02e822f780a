import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { anEvent, CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { until } from '#common/testing/kafka-test-bed.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import type { Publish, RelayedEvent } from './outbox-pump.js';
import { type Relay, type RelayOptions, startRelay } from './relay.js';

let bed: CatalogTestBed;
let relays: Relay[] = [];
/** What a bus would have, per key, in order. */
let bus: Map<string, string[]>;
let publisher: Publish;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());
beforeEach(() => {
  bus = new Map();
  publisher = async (events) => events.forEach(put);
});
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop()));
  relays = [];
  await bed.admin.query('TRUNCATE holdfast.outbox, holdfast.leases');
});

const put = ({ event, key }: RelayedEvent) => bus.set(key, [...(bus.get(key) ?? []), event.id]);

const addTo = (topic: string, id: string, key = 'shop') =>
  bed.catalog.transaction((tx) => tx.outbox.add(anEvent(id), { topic, key }));

const add = (id: string, key?: string) => addTo('backup.completed', id, key);

function start(options: Partial<RelayOptions> = {}): Relay {
  const relay = startRelay({
    catalog: bed.catalog,
    owner: `relay-${relays.length}`,
    publish: publisher,
    logger: silentLogger,
    leaseTtlMs: 1_000,
    renewMs: 100,
    pollMs: 20,
    ...options,
  });
  relays.push(relay);
  return relay;
}

async function emptied(): Promise<void> {
  for (;;) {
    const { unpublished } = await bed.catalog.transaction((tx) => tx.outbox.lag());
    if (unpublished === 0) return;
  }
}

/** Publishes like the others, and from its n-th batch on never answers. */
function hangingAt(batch: number, onHang = () => {}): Publish {
  let batches = 0;
  return async (events) => {
    batches += 1;
    if (batches < batch) return publisher(events);
    onHang();
    return new Promise(() => undefined);
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => String(from + index));

describe('the relay', () => {
  it('publishes in order per key, each once, however many relays there are', async () => {
    start({ catalog: await bed.another(), batchSize: 7 });
    start({ catalog: await bed.another(), batchSize: 7 });
    start({ batchSize: 7 });
    await Promise.all(
      ['shop', 'media'].map(async (key) => {
        for (const number of numbers(0, 40)) await add(number, key);
      }),
    );
    await emptied();
    expect(Object.fromEntries(bus)).toEqual({ shop: numbers(0, 40), media: numbers(0, 40) });
  });

  it('goes on in another process when the one that relays dies, in order, each once', async () => {
    const { hostname, port } = new URL(bed.url);
    const gate = await TcpGate.open({ host: hostname, port: Number(port) });
    for (const number of numbers(0, 5)) await add(number);
    const { promise: hangs, resolve: onHang } = Promise.withResolvers<void>();
    const dying = start({
      catalog: await bed.another(gate.rewrite(bed.url)),
      batchSize: 2,
      publish: hangingAt(2, onHang),
    });
    await hangs;
    gate.shut();
    start({ catalog: await bed.another() });
    for (const number of numbers(5, 10)) await add(number);
    await emptied();
    expect(bus.get('shop')).toEqual(numbers(0, 10));
    gate.reopen();
    await dying.stop();
    await gate.close();
  });

  it('leaves the lease to another process when its own connection to the bus hangs', async () => {
    for (const number of numbers(0, 5)) await add(number);
    start({ batchSize: 2, publishTimeoutMs: 100, publish: hangingAt(2) });
    start({ catalog: await bed.another() });
    for (const number of numbers(5, 10)) await add(number);
    await emptied();
    expect(bus.get('shop')).toEqual(numbers(0, 10));
  });

  it('marks nothing under a lease that it has lost: the next holder publishes it again', async () => {
    await add('0');
    const { promise: isPublishing, resolve: onPublish } = Promise.withResolvers<void>();
    const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
    const frozen = start({
      publish: async () => {
        onPublish();
        await answer;
      },
    });
    await isPublishing;
    await bed.admin.query(`UPDATE holdfast.leases SET expires_at = now() - interval '1 ms'`);
    await bed.catalog.transaction((tx) => tx.leases.acquire('relay', 'other', 60_000));
    letAnswer();
    await frozen.stop();
    expect(await bed.catalog.transaction((tx) => tx.outbox.lag())).toMatchObject({ unpublished: 1 });
  });

  it('keeps trying while the bus is down, and loses nothing', async () => {
    const down = new AppError('bus.unavailable', 'no broker');
    let tries = 0;
    start({
      publish: async (events) => {
        tries += 1;
        if (tries < 3) throw down;
        await publisher(events);
      },
    });
    for (const number of numbers(0, 3)) await add(number);
    await emptied();
    expect(bus.get('shop')).toEqual(numbers(0, 3));
  });

  it.each([
    ['has no leader', new AppError('bus.unavailable', 'no leader', { kafkaError: 'LEADER_NOT_AVAILABLE' })],
    ['is gone', new AppError('bus.unavailable', 'gone', { kafkaError: 'UNKNOWN_TOPIC_OR_PARTITION' })],
  ])('publishes the other topics while one %s, and then that one, in order', async (_, failure) => {
    let isWell = false;
    const sick = 'restore.completed';
    for (const number of numbers(0, 12)) await addTo(sick, number, 'sick');
    for (const number of numbers(0, 12)) await add(number);
    start({
      batchSize: 5,
      publish: async (events) => {
        if (!isWell && events.some(({ topic }) => topic === sick)) throw failure;
        await publisher(events);
      },
    });
    await until('the others are published', () => bus.get('shop')?.length === 12);
    await add('12');
    await until('what came later is, too', () => bus.get('shop')?.length === 13);
    expect(bus.get('sick')).toBeUndefined();
    isWell = true;
    await emptied();
    expect(Object.fromEntries(bus)).toEqual({ shop: numbers(0, 13), sick: numbers(0, 12) });
  });

  it('steps over what the bus refuses for good, keeps it and counts it; a defect of ours is not refused', async () => {
    const metrics = createMetrics({ service: 'spec' });
    let defects = 2;
    for (const id of ['a', 'too large', 'b']) await add(id);
    start({
      metrics,
      publish: async (events) => {
        defects -= 1;
        if (defects >= 0) throw new TypeError('a defect');
        if (events.some(({ event }) => event.id === 'too large')) throw new AppError('bus.refused', 'too large');
        await publisher(events);
      },
    });
    await emptied();
    expect(bus.get('shop')).toEqual(['a', 'b']);
    const { rows } = await bed.admin.query(
      `SELECT event_id, problem ->> 'code' AS code FROM holdfast.outbox WHERE refused_at IS NOT NULL`,
    );
    expect(rows).toEqual([{ event_id: 'too large', code: 'bus.refused' }]);
    expect(await metrics.registry.metrics()).toContain('code="bus.refused",service="spec"} 1');
  });

  it('lets nothing overtake what its topic waits for, also when it steps over what came before', async () => {
    let failures = 3;
    for (const id of ['too large', 'a', 'b', 'c']) await add(id);
    start({
      publish: async (events) => {
        if (events.some(({ event }) => event.id === 'too large')) throw new AppError('bus.refused', 'too large');
        failures -= 1;
        if (failures >= 0) throw new AppError('bus.unavailable', 'no leader', { kafkaError: 'LEADER_NOT_AVAILABLE' });
        await publisher(events);
      },
    });
    await emptied();
    expect(bus.get('shop')).toEqual(['a', 'b', 'c']);
  });

  it('lets the batch under way be acknowledged when it is stopped, and another relay begin at once', async () => {
    await add('0');
    const { promise: isPublishing, resolve: onPublish } = Promise.withResolvers<void>();
    const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
    const leaving = start({
      leaseTtlMs: 3_600_000,
      publish: async (events) => {
        onPublish();
        await acknowledged;
        await publisher(events);
      },
    });
    await isPublishing;
    const stopped = leaving.stop();
    acknowledge();
    await stopped;
    start({ catalog: await bed.another() });
    await add('1');
    await emptied();
    expect(bus.get('shop')).toEqual(['0', '1']);
  });

  it('stops although the bus hangs, and leaves its lease to another relay at once', async () => {
    await add('0');
    const { promise: isPublishing, resolve: onPublish } = Promise.withResolvers<void>();
    const leaving = start({
      ...{ leaseTtlMs: 3_600_000, publishTimeoutMs: 3_600_000, stopTimeoutMs: 50 },
      publish: () => {
        onPublish();
        return new Promise(() => undefined);
      },
    });
    await isPublishing;
    await leaving.stop();
    start({ catalog: await bed.another() });
    await emptied();
    expect(bus.get('shop')).toEqual(['0']);
  });

  it('is woken by a new event, without waiting for the poll', async () => {
    start({ pollMs: 3_600_000 });
    await add('0');
    await emptied();
    await add('1');
    await emptied();
    expect(bus.get('shop')).toEqual(['0', '1']);
  });
});
