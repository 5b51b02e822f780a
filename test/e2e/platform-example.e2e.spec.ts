import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafka } from '#common/bus/kafka-client.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { silentLogger } from '#common/testing/kafka-test-bed.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { TemporalDatabases } from '#common/testing/temporal-databases.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { root } from '#tools/check/root.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';

const file = join(root, 'examples/platform/holdfast.yaml');
const { endpoint, accessKeyId, secretAccessKey } = endpoints.s3;
const { url: searchUrl, masterKey: searchKey } = endpoints.meilisearch;
const id = randomUUID().slice(0, 8);
const topic = `storefront.${id}`;
const admin = createKafka({ brokers: endpoints.kafka.brokers, clientId: 'spec', logger: silentLogger }).admin();
const search = new MeilisearchClient({ url: searchUrl, apiKey: searchKey }, new AbortController().signal);
const closing: (() => Promise<unknown>)[] = [];
let env: Record<string, string>;

beforeAll(async () => {
  const keep = <T>(value: T, close: (value: T) => Promise<unknown>): T => {
    closing.push(() => close(value));
    return value;
  };
  const cluster = keep(await ThrowawayCluster.create(), (each) => each.remove());
  await cluster.query('CREATE DATABASE shop');
  const workflows = keep(await TemporalDatabases.create(), (each) => each.drop());
  const catalog = keep(await CatalogTestBed.open(), (each) => each.close());
  const backups = keep(await S3Bed.make(), (each) => each.dispose());
  const media = keep(await BucketBed.make(), (each) => each.dispose());
  await media.put('lamp.svg', '<svg/>');
  await admin.connect();
  keep(admin, (each) => each.disconnect());
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  keep(admin, (each) => each.deleteTopics({ topics: [topic] }));
  keep(await search.done(search.createIndex(`storefront_${id}`, 'id')), () => search.removeIndex(`storefront_${id}`));
  const [keys, indexKeys] = [await generateAgeKeys(), await generateAgeKeys()];
  const shop = `postgres://${cluster.user}:${cluster.password}@127.0.0.1:${cluster.port}/shop`;
  env = {
    ...{ PATH: `${cluster.binDir}:${process.env['PATH']}`, API_TOKEN: randomUUID(), CATALOG_URL: catalog.url },
    ...{ KAFKA_BROKER: endpoints.kafka.bootstrap, CACHE_URL: endpoints.redis.url },
    ...{ SEARCH_URL: searchUrl, SEARCH_KEY: searchKey, SHOP_URL: shop, PRODUCTION_URL: shop },
    TEMPORAL_URL: `${workflows.url}/${workflows.name}`,
    RECOVERY_DIRECTORY: await cluster.createFolder('recovered'),
    ...{ BACKUP_BUCKET: backups.bucket, BACKUP_STORE: endpoint },
    ...{ BACKUP_ACCESS_KEY: accessKeyId, BACKUP_SECRET_KEY: secretAccessKey },
    ...{ BACKUP_RECIPIENT: keys.recipient, BACKUP_IDENTITY: keys.identity },
    BACKUP_INDEX_IDENTITY: indexKeys.identity,
    ...{ MEDIA_BUCKET: media.bed.bucket, MEDIA_STORE: endpoint },
    ...{ MEDIA_ACCESS_KEY: accessKeyId, MEDIA_SECRET_KEY: secretAccessKey },
  };
}, 120_000);
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const cli = (...args: string[]) => holdfast([...args, '--config', file], env);

describe('examples/platform/holdfast.yaml', () => {
  it('names every place and every secret by reference', () => {
    const text = readFileSync(file, 'utf8').replace(/#.*$/gm, '');
    const lines = text
      .split('\n')
      .filter((line) => /(?:url|endpoint|brokers|[kK]ey|KeyId|[iI]dentity|token): /.test(line));
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => !line.includes('${env:'))).toEqual([]);
  });

  it('is accepted by `holdfast check` on real services, every connection, right, tool and schedule', async () => {
    const { exitCode, stdout } = await cli('check', '--json');
    const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; found: string }[] };
    expect(checks.filter(({ state }) => state === 'failed' || state === 'skipped')).toEqual([]);
    expect(exitCode).toBe(0);
    const names = checks.map(({ name }) => name).join('\n');
    for (const each of [
      'dataset shop: WAL',
      'dataset media',
      'dataset workflows',
      'dataset cache',
      'dataset search',
      'dataset events',
    ])
      expect(names).toContain(each);
    for (const each of [
      'shop-dump',
      'shop-base',
      'media-hourly',
      'workflows-nightly',
      'cache-nightly',
      'search-nightly',
      'events-nightly',
    ])
      expect(names).toContain(`schedule ${each}: next slot`);
  }, 120_000);

  it.each(['shop', 'media', 'workflows', 'cache', 'search', 'events'])(
    'backs up %s',
    async (dataset) => {
      const { exitCode, stderr } = await cli('backup', 'run', dataset, '--local');
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    },
    120_000,
  );
});
