import { startBucketDataset } from '#common/testing/datasets/bucket-dataset.js';
import { startMeilisearchDataset } from '#common/testing/datasets/meilisearch-dataset.js';
import { startRedisDataset } from '#common/testing/datasets/redis-dataset.js';
import { startTopicsDataset } from '#common/testing/datasets/topics-dataset.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import type { ServerMake } from '#common/testing/redis-server.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, ask, runOf } from '../../support/request.js';
import type { Cluster, ClusterPlan } from './cluster.js';
import { inCache, inSearch, inStorage, onBus, type Place } from './places.js';
import type { Work } from './works.js';

/** What a running server of a kind holds, past every gate. */
export interface RunningKind extends Pick<DatasetFixture, 'write' | 'read' | 'newDestination' | 'close'> {
  /** Dataset and target `stored`, which apps reach through their gates. */
  readonly plan: ClusterPlan;
}

/** A kind of dataset beside PostgreSQL, and the steps of its own at which an app can die. */
export interface KilledKind {
  readonly name: string;
  /** The strategy that replaces what is there; undefined: there is none. */
  readonly replacing?: string;
  /** Whether what is replaced is there until all is: it is looked at while nobody goes on. */
  readonly replacesAtOnce?: true;
  /** What a backup reads and stores of the data itself. */
  readonly storing: readonly Stage[];
  /** What a restore does to the target. */
  readonly writing: readonly Stage[];
  start(): Promise<RunningKind>;
}

export interface Stage {
  /** `storing the snapshot`. */
  readonly doing: string;
  readonly place: Place;
  /** Of a restore that is met by one strategy alone. */
  readonly only?: 'new' | 'replacing';
  /** Half of the data is there before it; after it there is nothing of its own to see. */
  readonly isHalf?: true;
  /** A run whose last attempt dies there is looked at too. */
  readonly isLast?: true;
  /** For this strategy the kill before it stands for the others in `npm test`. */
  readonly represents?: 'new' | 'replacing';
}

interface Fixture extends Pick<DatasetFixture, 'dataset' | 'target' | 'leftovers'> {
  readonly strategies: readonly string[];
}

const toPlan = (kind: string, { dataset, target, leftovers, strategies }: Fixture): ClusterPlan => ({
  apps: ['scheduler', 'executor'],
  findLeft: leftovers,
  config: {
    datasets: { stored: { ...dataset, kind, repositories: ['storage'] } },
    targets: { stored: { ...target, kind, accepts: { datasets: ['stored'], strategies, destinations: ['*'] } } },
  },
});

const put = (key: RegExp, nth?: number): Place => inStorage({ method: 'PUT', key }, nth);

/** A source, and a server with the destinations behind a gate. */
const redisOf = (make: ServerMake): KilledKind => ({
  name: make,
  replacing: 'replace',
  replacesAtOnce: true,
  storing: [{ doing: 'storing the snapshot', place: put(/[.]rdb[.]zst$/) }],
  writing: [
    { doing: 'fetching the snapshot', place: inStorage({ method: 'GET', key: /[.]rdb[.]zst$/ }) },
    { doing: 'looking for other restores', place: inCache(/^CLIENT LIST/i) },
    { doing: 'marking the database to be filled', place: inCache(/^SET holdfast:restore/i) },
    { doing: 'writing keys', place: inCache(/^RESTORE /i), represents: 'new' },
    { doing: 'writing the second half of the keys', place: inCache(/^RESTORE /i, 25), isHalf: true, isLast: true },
    {
      doing: 'exchanging the databases',
      place: inCache(/^EXEC/i),
      ...{ only: 'replacing', represents: 'replacing', isLast: true },
    },
    { doing: 'emptying what was replaced', place: inCache(/^FLUSHDB/i), only: 'replacing', isLast: true },
    { doing: 'taking the mark away', place: inCache(/^DEL holdfast:restore/i) },
  ],
  start: async () => {
    const fixture = await startRedisDataset(make);
    const { hostname: host, port } = new URL(String(fixture.target['url']));
    for (let keys = 0; keys < 50; keys += 1) await fixture.write();
    const target = { url: '${env:CACHE_URL}' };
    const plan = toPlan('redis', { ...fixture, target, strategies: ['new', 'replace'] });
    return { ...fixture, plan: { ...plan, surroundings: { cache: { host, port: Number(port) } } } };
  },
});

/** The buckets of dataset and target are on the server of the repository, behind the same gate. */
const bucket: KilledKind = {
  name: 'bucket',
  replacing: 'mirror',
  storing: [
    { doing: 'reading the first object', place: inStorage({ method: 'GET', key: /^media[/]/ }) },
    { doing: 'storing the list of objects', place: put(/[/]inventory[^/]*$/) },
    { doing: 'storing the references', place: put(/[/]references[^/]*$/) },
  ],
  writing: [
    { doing: 'taking the fence', place: put(/^[.]holdfast[/]/) },
    {
      doing: 'removing an object that the backup does not have',
      place: inStorage({ method: 'DELETE', key: /^restored-/ }),
      only: 'replacing',
    },
    { doing: 'writing the first object', place: put(/^restored-\d+[/]/), only: 'new' },
    { doing: 'writing the second half of the objects', place: put(/^restored-\d+[/]/, 10), only: 'new', isHalf: true },
  ],
  start: async () => {
    const fixture = await startBucketDataset();
    for (let objects = 0; objects < 20; objects += 1) await fixture.write();
    const gated = { endpoint: '${env:S3_ENDPOINT}', secretAccessKey: '${env:S3_KEY}' };
    const [dataset, target] = [
      { ...fixture.dataset, ...gated },
      { ...fixture.target, ...gated },
    ];
    return { ...fixture, plan: toPlan('bucket', { ...fixture, dataset, target, strategies: ['new', 'mirror'] }) };
  },
};

/** A topic with two partitions, on the broker of the events. */
const topics: KilledKind = {
  name: 'topics',
  storing: [{ doing: 'storing the records', place: put(/[/]a\d+-[^/]+[/](?!manifest)[^/]+$/) }],
  writing: [
    {
      doing: 'creating the topic',
      place: onBus(() => ({ api: 'CreateTopics', containing: /copy-\d+[.]/ })),
      isLast: true,
    },
    { doing: 'writing records', place: onBus(() => ({ api: 'Produce', containing: /copy-\d+[.]/ })) },
    {
      doing: 'writing the second of two partitions',
      place: onBus(() => ({ api: 'Produce', containing: /copy-\d+[.]/ }), 2),
      ...{ isHalf: true, isLast: true },
    },
  ],
  start: async () => {
    const fixture = await startTopicsDataset();
    for (let records = 0; records < 20; records += 1) await fixture.write();
    const gated = { brokers: ['${env:BUS_BROKER}'] };
    const [dataset, target] = [
      { ...fixture.dataset, ...gated },
      { ...fixture.target, ...gated },
    ];
    return { ...fixture, plan: toPlan('kafka', { ...fixture, dataset, target, strategies: ['new'] }) };
  },
};

/** Path of an index that a restore or a rebuild fills beside the one that is used. */
export const FRESH = /^[/]indexes[/]holdfast-restore-[^/]+/;

/** Two indexes of one server; destinations are prefixes on the same, behind a gate. */
const search: KilledKind = {
  name: 'meilisearch',
  replacing: 'replace',
  replacesAtOnce: true,
  storing: [
    { doing: 'reading documents', place: inSearch({ method: 'POST', key: /[/]documents[/]fetch$/ }) },
    { doing: 'storing the documents', place: put(/[/]a\d+-[^/]+[/](?!manifest)[^/]+$/) },
  ],
  writing: [
    { doing: 'taking the lock', place: inSearch({ method: 'POST', key: /^[/]indexes$/ }) },
    { doing: 'making the first index', place: inSearch({ method: 'POST', key: /^[/]indexes$/ }, 2) },
    {
      doing: 'making the second index',
      place: inSearch({ method: 'POST', key: /^[/]indexes$/ }, 3),
      ...{ isHalf: true, isLast: true },
    },
    { doing: 'giving an index its settings', place: inSearch({ method: 'PATCH', key: FRESH }) },
    {
      doing: 'writing documents',
      place: inSearch({ method: 'POST', key: new RegExp(`${FRESH.source}[/]documents$`) }),
      represents: 'new',
    },
    {
      doing: 'swapping the indexes',
      place: inSearch({ method: 'POST', key: /^[/]swap-indexes$/ }),
      ...{ represents: 'replacing', isLast: true },
    },
    {
      doing: 'removing what was replaced',
      place: inSearch({ method: 'DELETE', key: FRESH }),
      only: 'replacing',
    },
    { doing: 'letting the lock go', place: inSearch({ method: 'DELETE', key: /^[/]indexes[/]holdfast-lock-/ }) },
  ],
  start: async () => {
    const fixture = await startMeilisearchDataset();
    for (let documents = 0; documents < 20; documents += 1) await fixture.write();
    const { host, port } = endpoints.meilisearch;
    const gated = { url: '${env:SEARCH_URL}', apiKey: '${env:SEARCH_KEY}' };
    const [dataset, target] = [
      { ...fixture.dataset, ...gated },
      { ...fixture.target, ...gated },
    ];
    const plan = toPlan('meilisearch', { ...fixture, dataset, target, strategies: ['new', 'replace'] });
    const secrets = { SEARCH_KEY: endpoints.meilisearch.masterKey };
    const close = async (): Promise<void> => {
      await fixture.clear();
      await fixture.close();
    };
    return { ...fixture, close, plan: { ...plan, secrets, surroundings: { search: { host, port } } } };
  },
};

/** The first represents the others. */
export const datasetKinds: readonly [KilledKind, ...KilledKind[]] = [
  redisOf('valkey'),
  redisOf('redis'),
  ...[bucket, topics, search],
];

/** Each after an entry more: there is always something to read. */
export const backupOf = (running: RunningKind): Work => ({
  name: 'backup',
  family: 'backup',
  prepare: () => running.write(),
  ask: (cluster) => ask(cluster, 'backup.requested', { dataset: 'stored' }),
});

const destinationOf = ({ data }: Asked): string => (data as { destination: string }).destination;

const askRestore = (cluster: Cluster, changes: object): Promise<Asked> =>
  ask(cluster, 'restore.requested', { dataset: 'stored', target: 'stored', ...changes });

const findDifference = async (running: RunningKind, asked: Asked): Promise<string[]> =>
  (await running.read(destinationOf(asked))) === (await running.read())
    ? []
    : [`destination ${destinationOf(asked)} is not what was backed up`];

/** Each to a destination of its own, unless one is named. */
export const newFrom = (running: RunningKind, destination?: string): Work => ({
  name: 'restore (new)',
  family: 'restore',
  ask: (cluster) => askRestore(cluster, { destination: destination ?? running.newDestination(), strategy: 'new' }),
  findBroken: (_cluster, asked) => findDifference(running, asked),
});

/** One that fails: then there is nothing at its destination, or all of it. */
export const failingNewFrom = (running: RunningKind): Work => ({
  ...newFrom(running),
  findBroken: async (_cluster, asked) =>
    [null, await running.read()].includes(await running.read(destinationOf(asked)))
      ? []
      : [`destination ${destinationOf(asked)} is half there`],
});

export interface Replacing extends Work {
  /** What is neither as it was before nor what was backed up. */
  readonly findHalf: () => Promise<string[]>;
}

/** Over a destination that holds an entry more: its safety backup has it. */
export function replacingIn(running: RunningKind, destination: string, strategy: string): Replacing {
  let before: string | null = null;
  return {
    name: `restore (${strategy})`,
    family: 'restore',
    prepare: async () => {
      await running.write(destination);
      before = await running.read(destination);
    },
    ask: (cluster) => askRestore(cluster, { destination, strategy }),
    findBroken: async (cluster, asked) => [
      ...(await findDifference(running, asked)),
      ...(await findMissingSafety(cluster, asked)),
    ],
    findHalf: async () => {
      const found = await running.read(destination);
      return found === before || found === (await running.read()) ? [] : [`destination ${destination} is half there`];
    },
  };
}

async function findMissingSafety(cluster: Cluster, asked: Asked): Promise<string[]> {
  const found = await cluster.catalog(
    `SELECT FROM holdfast.backups WHERE run_id = '${runOf(asked)}' AND purpose = 'safety' AND state = 'completed'`,
  );
  return found.length === 1 ? [] : [`run ${runOf(asked)} has ${found.length} safety backups`];
}
