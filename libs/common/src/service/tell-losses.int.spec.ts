import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '#common/telemetry/logger.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { EventWriter } from './event-writer.js';
import { tellLosses } from './tell-losses.js';

const metrics = createMetrics({ service: 'spec' });
const lines: string[] = [];
const logger = createLogger({ service: 'spec', level: 'info', secrets: [], to: { write: (line) => lines.push(line) } });
const events = new EventWriter({ instance: 'spec', topicPrefix: 'prod.' });

let bed: CatalogTestBed;
beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());

const losses = () => tellLosses({ catalog: bed.catalog, events, logger, metrics, group: 'prod.holdfast-executor' });
const said = async (type: string) =>
  (await bed.admin.query('SELECT topic, event FROM holdfast.outbox WHERE event_type = $1', [type])).rows;
const last = (): object => JSON.parse(lines.at(-1) ?? '{}');

describe('what a consumer finds gone', () => {
  it('is an event, an error in the log and a metric: requests, with topic, partition and offsets', async () => {
    const loss = { topic: 'prod.backup.requested', partition: 2, fromOffset: 3n, toOffset: 7n };
    await losses().lost(loss);
    const told = { ...loss, fromOffset: '3', toOffset: '7', group: 'prod.holdfast-executor' };
    const [entry] = await said('bus.requests-lost');
    expect(entry).toMatchObject({ topic: 'prod.bus.requests-lost', event: { data: told } });
    expect(last()).toMatchObject({ level: 'error', ...told });
    expect(await metrics.registry.metrics()).toMatch(
      /holdfast_requests_lost_total\{topic="prod.backup.requested",service="spec"\} 4\n/,
    );
  });

  it('is an event, an error in the log and a metric: a topic that was made anew', async () => {
    const [formerId, id] = ['01987654-3210-4fff-bfff-ffffffffffff', '01987654-3210-4fff-bfff-fffffffffff0'];
    await losses().replaced({ topic: 'prod.backup.requested', formerId, id });
    const [entry] = await said('bus.topic-replaced');
    expect(entry).toMatchObject({ event: { data: { topic: 'prod.backup.requested', formerId, id } } });
    expect(last()).toMatchObject({ level: 'error', topic: 'prod.backup.requested', formerId, id });
    expect(await metrics.registry.metrics()).toMatch(/holdfast_request_topics_replaced_total\{[^}]*\} 1\n/);
  });

  it('has the same id whichever of several services finds it', async () => {
    const loss = { topic: 'prod.restore.requested', partition: 0, fromOffset: 0n, toOffset: 1n };
    await losses().lost(loss);
    await losses().lost(loss);
    const ids = (await said('bus.requests-lost'))
      .filter(({ event }) => event.data.topic === loss.topic)
      .map(({ event }) => event.id);
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  });
});
