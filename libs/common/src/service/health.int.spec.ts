import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConsumerState } from '#common/bus/consumer/consumer-state.js';
import { HoldfastKafkaServer } from '#common/bus/nest/holdfast-kafka-server.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { BreakableKafka } from '#common/testing/breakable-kafka.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { KafkaTestBed, noLosses, silentLogger, until } from '#common/testing/kafka-test-bed.js';
import { Health } from './health.js';

const bus = { state: 'ok', stop: async () => undefined };
const installation = { config: { executor: { slotsPerHost: 2 } } } as never;

let bed: KafkaTestBed;
let catalogBed: CatalogTestBed;
beforeAll(async () => {
  [bed, catalogBed] = [await KafkaTestBed.open(), await CatalogTestBed.open()];
});
afterAll(async () => {
  await catalogBed.close();
  await bed.close();
});

const healthOf = (intake: ConsumerState | undefined, metrics = createMetrics({ service: 'spec' })) =>
  new Health({ bus, catalog: catalogBed.catalog, installation, intake, metrics }, 200);

describe('/health/ready', () => {
  it('is not green while the service’s own consumer is cut off from the bus, and green again afterwards', async () => {
    const [wire, state] = [new BreakableKafka(), new ConsumerState()];
    await bed.topic(BackupRequested.type);
    const server = new HoldfastKafkaServer({
      ...{ kafka: wire.kafka, groupId: `${bed.prefix}health`, topicPrefix: bed.prefix, losses: noLosses, state },
      ...{ deadLetters: { put: async () => undefined }, logger: silentLogger },
      ...{ sessionTimeoutMs: 1_500, backoffMs: 20, lookEveryMs: 100 },
    });
    server.addHandler(BackupRequested.type, async () => undefined, true);
    await server.listen(() => undefined);
    const metrics = createMetrics({ service: 'spec' });
    const health = healthOf(state, metrics);
    const isReady = async () => (await health.check()).isReady;
    try {
      await until('it is connected', () => state.report().isConnected);
      expect(await health.check()).toEqual({ isReady: true, checks: { catalog: 'ok', bus: 'ok', intake: 'ok' } });
      wire.cut();
      await until('it is not green', async () => !(await isReady()));
      expect((await health.check()).checks['intake']).toMatch(/^is not connected, and last asked \d+ s ago/);
      expect(await health.metrics()).toMatch(/holdfast_bus_consumer_connected\{service="spec"\} 0\n/);
      wire.mend();
      await until('it is green', isReady);
      const text = await health.metrics();
      expect(text).toMatch(/holdfast_bus_consumer_connected\{service="spec"\} 1\n/);
      expect(text).toMatch(/holdfast_bus_consumer_polled_timestamp_seconds\{service="spec"\} 1\d{9}/);
      expect(text).toMatch(/holdfast_bus_consumer_lag\{topic="[^"]*backup.requested",service="spec"\} 0\n/);
    } finally {
      await server.close();
    }
  });

  it('names the request topic that cannot be read', async () => {
    const state = new ConsumerState();
    const look = { name: 'restore.requested', id: null, starts: new Map(), ends: new Map() };
    state.looked([{ ...look, error: 'TOPIC_AUTHORIZATION_FAILED' }], {});
    state.joined();
    const health = healthOf(state);
    const intake = 'restore.requested: TOPIC_AUTHORIZATION_FAILED';
    expect((await health.check()).checks).toMatchObject({ intake });
    expect(await health.metrics()).toMatch(
      /holdfast_bus_topic_unreadable\{topic="restore.requested",reason="TOPIC_AUTHORIZATION_FAILED",service="spec"\} 1\n/,
    );
  });

  it('answers within a second, also while the catalog does not', async () => {
    const silent = { ...catalogBed.catalog, transaction: () => new Promise<never>(() => undefined) };
    const metrics = createMetrics({ service: 'spec' });
    const health = new Health({ bus, installation, intake: undefined, metrics, catalog: silent });
    const before = performance.now();
    const { isReady, checks } = await health.check();
    expect(performance.now() - before).toBeLessThan(1_000);
    expect([isReady, checks['catalog']]).toEqual([false, 'no answer within 800 ms']);
  });
});
