import type { StoreFixture } from '#common/testing/engine-harness.js';
import type { ServerMake } from '#common/testing/redis-server.js';
import { startBucketStore } from '#common/testing/stores/bucket-store.js';
import { startRedisStore } from '#common/testing/stores/redis-store.js';
import { startTopicsStore } from '#common/testing/stores/topics-store.js';
import { type Asked, ask, runOf } from '../../support/request.js';
import type { Cluster, ClusterPlan } from './cluster.js';
import { inCache, inStore, onBus, type Place } from './places.js';
import type { Work } from './works.js';

/** What a running store of a kind holds, past every gate. */
export interface Store extends Pick<StoreFixture, 'write' | 'read' | 'newDestination' | 'close'> {
  /** Dataset and target `stored`, which apps reach through their gates. */
  readonly plan: ClusterPlan;
}

/** A kind of store beside PostgreSQL, and the steps of its own at which an app can die. */
export interface StoreKind {
  readonly name: string;
  /** The strategy that replaces what is there; undefined: there is none. */
  readonly replacing?: string;
  /** What a backup reads and stores of the data itself. */
  readonly storing: readonly Stage[];
  /** What a restore does to the target. */
  readonly writing: readonly Stage[];
  start(): Promise<Store>;
}

export interface Stage {
  /** `storing the snapshot`. */
  readonly doing: string;
  readonly place: Place;
  /** Of a restore that is met by one strategy alone. */
  readonly only?: 'new' | 'replacing';
  /** For this strategy the kill before it stands for the others in `npm test`. */
  readonly represents?: 'new' | 'replacing';
}

type Options = Readonly<Record<string, unknown>>;

const toPlan = (kind: string, dataset: Options, target: Options, strategies: readonly string[]): ClusterPlan => ({
  apps: ['scheduler', 'executor'],
  config: {
    datasets: { stored: { ...dataset, kind, repositories: ['store'] } },
    targets: { stored: { ...target, kind, accepts: { datasets: ['stored'], strategies, destinations: ['*'] } } },
  },
});

const put = (key: RegExp): Place => inStore({ method: 'PUT', key });

/** A source, and a server with the destinations behind a gate. */
const redisOf = (make: ServerMake): StoreKind => ({
  name: make,
  replacing: 'replace',
  storing: [{ doing: 'storing the snapshot', place: put(/[.]rdb[.]zst$/) }],
  writing: [
    { doing: 'fetching the snapshot', place: inStore({ method: 'GET', key: /[.]rdb[.]zst$/ }) },
    { doing: 'looking for other restores', place: inCache(/^CLIENT LIST/i) },
    { doing: 'emptying the database', place: inCache(/^FLUSHDB/i), only: 'replacing' },
    { doing: 'marking the database', place: inCache(/^SET holdfast:restore/i) },
    { doing: 'writing keys', place: inCache(/^RESTORE /i), represents: 'new' },
    { doing: 'taking the mark away', place: inCache(/^DEL holdfast:restore/i), represents: 'replacing' },
  ],
  start: async () => {
    const fixture = await startRedisStore(make);
    const { hostname: host, port } = new URL(String(fixture.target['url']));
    for (let keys = 0; keys < 50; keys += 1) await fixture.write();
    const plan = toPlan('redis', fixture.dataset, { url: '${env:CACHE_URL}' }, ['new', 'replace']);
    return { ...fixture, plan: { ...plan, surroundings: { cache: { host, port: Number(port) } } } };
  },
});

/** The buckets of dataset and target are on the server of the repository, behind the same gate. */
const bucket: StoreKind = {
  name: 'bucket',
  replacing: 'mirror',
  storing: [
    { doing: 'reading the first object', place: inStore({ method: 'GET', key: /^media[/]/ }) },
    { doing: 'storing the list of objects', place: put(/[/]inventory[^/]*$/) },
    { doing: 'storing the references', place: put(/[/]references[^/]*$/) },
  ],
  writing: [
    { doing: 'taking the fence', place: put(/^[.]holdfast[/]/) },
    {
      doing: 'removing an object that the backup does not have',
      place: inStore({ method: 'DELETE', key: /^restored-/ }),
      only: 'replacing',
    },
    { doing: 'writing the first object', place: put(/^restored-\d+[/]/), only: 'new' },
  ],
  start: async () => {
    const fixture = await startBucketStore();
    for (let objects = 0; objects < 20; objects += 1) await fixture.write();
    const gated = { endpoint: '${env:S3_ENDPOINT}', secretAccessKey: '${env:S3_KEY}' };
    const [dataset, target] = [
      { ...fixture.dataset, ...gated },
      { ...fixture.target, ...gated },
    ];
    return { ...fixture, plan: toPlan('bucket', dataset, target, ['new', 'mirror']) };
  },
};

/** A topic with two partitions, on the broker of the events. */
const topics: StoreKind = {
  name: 'topics',
  storing: [{ doing: 'storing the records', place: put(/[/]a\d+-[^/]+[/](?!manifest)[^/]+$/) }],
  writing: [
    { doing: 'creating the topic', place: onBus(() => ({ api: 'CreateTopics', containing: /copy-\d+[.]/ })) },
    { doing: 'writing records', place: onBus(() => ({ api: 'Produce', containing: /copy-\d+[.]/ })) },
  ],
  start: async () => {
    const fixture = await startTopicsStore();
    for (let records = 0; records < 20; records += 1) await fixture.write();
    const gated = { brokers: ['${env:BUS_BROKER}'] };
    const plan = toPlan('kafka', { ...fixture.dataset, ...gated }, { ...fixture.target, ...gated }, ['new']);
    return { ...fixture, plan };
  },
};

/** The first represents the others. */
export const storeKinds: readonly [StoreKind, ...StoreKind[]] = [redisOf('valkey'), redisOf('redis'), bucket, topics];

/** Each after an entry more: there is always something to read. */
export const backupOf = (store: Store): Work => ({
  name: 'backup',
  family: 'backup',
  prepare: () => store.write(),
  ask: (cluster) => ask(cluster, 'backup.requested', { dataset: 'stored' }),
});

const destinationOf = ({ data }: Asked): string => (data as { destination: string }).destination;

const askRestore = (cluster: Cluster, changes: object): Promise<Asked> =>
  ask(cluster, 'restore.requested', { dataset: 'stored', target: 'stored', ...changes });

const findDifference = async (store: Store, asked: Asked): Promise<string[]> =>
  (await store.read(destinationOf(asked))) === (await store.read())
    ? []
    : [`destination ${destinationOf(asked)} is not what was backed up`];

/** Each to a destination of its own, unless one is named. */
export const newFrom = (store: Store, destination?: string): Work => ({
  name: 'restore (new)',
  family: 'restore',
  ask: (cluster) => askRestore(cluster, { destination: destination ?? store.newDestination(), strategy: 'new' }),
  findBroken: (_cluster, asked) => findDifference(store, asked),
});

/** Over a destination that holds an entry more: its safety backup has it. */
export const replacingIn = (store: Store, destination: string, strategy: string): Work => ({
  name: `restore (${strategy})`,
  family: 'restore',
  prepare: () => store.write(destination),
  ask: (cluster) => askRestore(cluster, { destination, strategy }),
  findBroken: async (cluster, asked) => [
    ...(await findDifference(store, asked)),
    ...(await findMissingSafety(cluster, asked)),
  ],
});

async function findMissingSafety(cluster: Cluster, asked: Asked): Promise<string[]> {
  const found = await cluster.catalog(
    `SELECT FROM holdfast.backups WHERE run_id = '${runOf(asked)}' AND purpose = 'safety' AND state = 'completed'`,
  );
  return found.length === 1 ? [] : [`run ${runOf(asked)} has ${found.length} safety backups`];
}
