import { join } from 'node:path';
import { urlOf as databaseUrl } from '#tools/platform/server-login.js';
import type { MoreSections } from '#tools/sandbox/config-text.js';
import { type Sandbox, urlOf } from '#tools/sandbox/sandbox.js';
import { endpoints } from '#tools/services/endpoints.js';

/** Of the Redis that other tools use too. */
export const CACHE_DATABASE = 11;
export const POINT = 'platform';
export const PLAN = 'whole-platform';

export const workflowsDatabase = ({ name }: Sandbox): string => `${name}_workflows`;

const repositories = ['local-s3'];
const cache = { kind: 'redis', url: `${endpoints.redis.url}/${CACHE_DATABASE}` };
const search = { kind: 'meilisearch', url: endpoints.meilisearch.url, apiKey: '${env:MEILI_KEY}' };
const bus = { kind: 'kafka', brokers: endpoints.kafka.brokers };
const toolDirectories = [endpoints.postgres18.binDir];

const accepts = (dataset: string, strategy: string, destination: string) => ({
  accepts: { datasets: [dataset], strategies: [strategy], destinations: [destination] },
});

const probes = (...names: readonly string[]) => ({ probes: names.map((use) => ({ use })) });

/** Beside the database and the pictures of the shop: the other datasets, one recovery point over all, and the plan that brings all back. */
export const toSections = (sandbox: Sandbox, hasWorkflows: boolean): MoreSections => ({
  recovery: { directory: join(sandbox.home, 'recovery') },
  datasets: {
    cache: { ...cache, repositories },
    search: { ...search, include: [sandbox.shop.index], repositories },
    events: { ...bus, include: [sandbox.shop.topic], repositories },
    ...(hasWorkflows && {
      workflows: { kind: 'temporal', url: '${env:WORKFLOWS_URL}', toolDirectories, repositories },
    }),
  },
  targets: {
    cache: { ...cache, ...accepts('cache', 'replace', String(CACHE_DATABASE)) },
    search: { ...search, ...accepts('search', 'new', 'same') },
    bus: { ...bus, ...accepts('events', 'new', 'same') },
    ...(hasWorkflows && {
      workflows: {
        ...{ kind: 'temporal', url: '${env:TARGET_URL}', toolDirectories, privileges: 'keep' },
        ...accepts('workflows', 'new', workflowsDatabase(sandbox)),
      },
    }),
  },
  profiles: {
    cache: probes('checksums', 'redis'),
    search: probes('checksums', 'documents'),
    events: probes('checksums', 'topics'),
    ...(hasWorkflows && { workflows: probes('checksums', 'temporal', 'temporal-row-counts') }),
  },
  points: {
    // The topic is no member: of events the newest backup counts, and a replay brings what the database lacks of them.
    [POINT]: {
      maxSkew: '5m',
      members: [
        { dataset: 'shop', refersTo: ['media'] },
        ...['media', 'cache', 'search', ...(hasWorkflows ? ['workflows'] : [])].map((dataset) => ({ dataset })),
      ],
    },
  },
  plans: { [PLAN]: { summary: 'Everything is gone', point: POINT, steps: toSteps(sandbox, hasWorkflows) } },
});

function toSteps(sandbox: Sandbox, hasWorkflows: boolean): object[] {
  const { database } = sandbox.shop;
  const shopUrl = urlOf(sandbox, 'shop');
  const verify = (dataset: string, target: string, profile = dataset) => ({
    ...{ name: `verify-${dataset}`, use: 'verify', dataset, target, profile },
    ...{ backup: `\${steps.restore-${dataset}.backupId}`, destination: `\${steps.restore-${dataset}.destination}` },
  });
  const restore = (dataset: string, target: string, more: object = {}) => ({
    ...{ name: `restore-${dataset}`, use: 'restore', dataset, target, ...more },
  });
  return [
    restore('shop', 'production', { destination: database }),
    restore('media', 'pictures', { destination: '/' }),
    restore('cache', 'cache', { strategy: 'replace', safetyBackup: false, destination: String(CACHE_DATABASE) }),
    restore('search', 'search', { destination: 'same' }),
    ...(hasWorkflows ? [restore('workflows', 'workflows', { destination: workflowsDatabase(sandbox) })] : []),
    // Of restores to names that topics had, a cluster takes one at a time.
    restore('events', 'bus', { destination: 'same', retries: { times: 5, pauseMs: 2_000 } }),
    verify('media', 'pictures'),
    verify('cache', 'cache'),
    verify('search', 'search'),
    ...(hasWorkflows ? [verify('workflows', 'workflows')] : []),
    verify('events', 'bus'),
    // Products that changed between the backups of database and search.
    {
      ...{ name: 'reindex', use: 'http', url: `${shopUrl}/admin/search/backfill` },
      ...{ headers: { authorization: 'Bearer ${env:SHOP_ADMIN_TOKEN}' }, capture: { id: 'id' }, repeatable: true },
      poll: {
        url: `${shopUrl}/admin/search/backfill/\${id}`,
        ...{ state: 'state', until: ['succeeded'], failing: ['failed'], everyMs: 100 },
      },
    },
    verify('shop', 'production'),
    { name: 'replay', use: 'replay', dataset: 'shop', backup: '${steps.restore-shop.backupId}' },
  ];
}

/** What the references of these sections stand for, beside those of every sandbox. */
export const toMoreEnvironment = (sandbox: Sandbox, shopAdminToken: string): Record<string, string> => ({
  WORKFLOWS_URL: databaseUrl('postgres18', { database: workflowsDatabase(sandbox) }),
  SHOP_ADMIN_TOKEN: shopAdminToken,
});
