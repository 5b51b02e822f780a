import { randomUUID } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createKafka } from '#common/bus/kafka-client.js';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { commitForStoppedGroup, JOURNAL_PREFIX } from '#common/bus/kafka-groups.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { silentLogger } from '#common/testing/kafka-test-bed.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { startBucketDataset } from './bucket-dataset.js';
import { startMeilisearchDataset } from './meilisearch-dataset.js';
import { startRedisDataset } from './redis-dataset.js';
import { startTopicsDataset } from './topics-dataset.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const kept = <Of extends { close(): unknown }>(of: Of): Of => {
  closers.push(() => of.close());
  return of;
};

/** A fixture that finds nothing because it looks at nothing would let every fault pass. */
describe('what a dead attempt leaves', () => {
  const runId = randomUUID();

  it('is found in Redis: a mark, a database beside the destinations, a connection', async () => {
    const fixture = kept(await startRedisDataset('valkey'));
    const to = fixture.newDestination();
    await fixture.write(to);
    expect(await fixture.leftovers([runId])).toEqual([]);
    const client = new Redis(String(fixture.target['url']));
    closers.push(() => client.disconnect());
    await client.call('CLIENT', 'SETNAME', `holdfast-restore:all:${runId}:a1`);
    await client.select(Number(to));
    await client.set('holdfast:restore', '{}');
    await client.select(15);
    await client.set('half', 'written');
    expect(await fixture.leftovers([runId])).toEqual([
      'database 15',
      `the mark of database ${to}`,
      `a connection of run ${runId}`,
    ]);
  });

  it('is found in a bucket: a lock', async () => {
    const fixture = kept(await startBucketDataset());
    expect(await fixture.leftovers([runId])).toEqual([]);
    const { client, bucket: Bucket } = await S3Bed.named(new URL(String(fixture.target['url'])).hostname);
    await client.send(new PutObjectCommand({ Bucket, Key: '.holdfast/lock.json', Body: '{}' }));
    expect(await fixture.leftovers([runId])).toEqual(['.holdfast/lock.json']);
  });

  it('is found on Kafka: a topic beside the destinations, a journal', async () => {
    const fixture = kept(await startTopicsDataset());
    const [orders = ''] = fixture.dataset['include'] as readonly string[];
    const kafka = createKafka({ brokers: endpoints.kafka.brokers, clientId: 'spec', logger: silentLogger });
    const [admin, cluster] = [kafka.admin(), kept(await KafkaCluster.open(kafka))];
    await admin.connect();
    closers.push(() => admin.disconnect());
    const [topic, journal] = [`${orders}-half`, JOURNAL_PREFIX + fixture.newDestination()];
    expect(await fixture.leftovers([runId])).toEqual([]);
    await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
    await commitForStoppedGroup(cluster, journal, [{ topic: orders, partition: 0, offset: 0n, metadata: runId }]);
    expect(await fixture.leftovers([runId])).toEqual([journal, topic]);
    await admin.deleteGroups([journal]);
  });

  it('is found in Meilisearch: a lock, an index', async () => {
    const fixture = kept(await startMeilisearchDataset());
    expect(await fixture.leftovers([runId])).toEqual([]);
    const { url, masterKey: apiKey } = endpoints.meilisearch;
    const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
    const left = [`holdfast-lock-${runId.slice(0, 8)}`, `holdfast-restore-${runId}-a1-0`] as const;
    closers.push(async () => {
      for (const each of left) await client.removeIndex(each);
    });
    await client.done(client.createIndex(left[0], `run_${runId}_a1`));
    await client.done(client.createIndex(left[1], null));
    expect(await fixture.leftovers([runId])).toEqual(left);
  });
});
