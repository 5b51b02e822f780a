import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ask } from '../support/request.js';
import { Cluster, type ClusterPlan } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import { FRESH } from './support/kinds.js';
import { meetLastKill } from './support/last-kill.js';
import { around, claiming, committingOffset, inSearch, settling, takingRequest } from './support/places.js';
import type { Work } from './support/works.js';

const ROWS = 40;
const { url, masterKey: apiKey, host, port } = endpoints.meilisearch;
const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
const index = `products_${randomUUID().slice(0, 8)}`;

let database: ScratchDatabase;
let cluster: Cluster;
beforeAll(async () => {
  database = await ScratchDatabase.create(
    'postgres18',
    'CREATE TABLE products (id bigint, name text)',
    `INSERT INTO products SELECT n, 'product ' || n FROM generate_series(1, ${ROWS}) n`,
  );
  await client.done(client.createIndex(index, 'id'));
  cluster = await Cluster.start(toPlan());
}, 180_000);
afterAll(async () => {
  await cluster?.close();
  await client.removeIndex(index);
  await database?.drop();
}, 120_000);

function toPlan(): ClusterPlan {
  const gated = { kind: 'meilisearch', url: '${env:SEARCH_URL}', apiKey: '${env:SEARCH_KEY}' };
  const rebuild = { [index]: { url: '${env:ROWS_URL}', query: 'SELECT id, name FROM products' } };
  const accepts = { datasets: ['stored'], strategies: ['replace'], destinations: ['*'] };
  const { host: server, port: at, user, password } = database.connection;
  const findLeft = async (runIds: readonly string[]): Promise<readonly string[]> => {
    const views = await client.listIndexes();
    return views.filter((view) => runIds.some((id) => JSON.stringify(view).includes(id))).map(({ uid }) => uid);
  };
  return {
    ...{ apps: ['scheduler', 'executor'], findLeft, surroundings: { search: { host, port } } },
    secrets: { SEARCH_KEY: apiKey, ROWS_URL: `postgres://${user}:${password}@${server}:${at}/${database.name}` },
    config: {
      datasets: { stored: { ...gated, include: [index], rebuild, repositories: ['storage'] } },
      targets: { stored: { ...gated, accepts } },
    },
  };
}

async function read(): Promise<string> {
  const { results } = JSON.parse((await client.documents(index, 0, 1_000)).toString()) as {
    results: { id: unknown }[];
  };
  return results
    .map(({ id }) => String(id))
    .sort()
    .join(' ');
}

const whole = Array.from({ length: ROWS }, (_, n) => String(n + 1))
  .sort()
  .join(' ');

let before = '';

/** Of an index with a document that no row stands behind. */
const reindex: Work = {
  name: 'reindex',
  family: 'reindex',
  prepare: async () => {
    await client.done(client.addDocuments(index, '{"id":"ghost","name":"never sold"}'));
    before = await read();
  },
  ask: (to) => ask(to, 'reindex.requested', { dataset: 'stored', target: 'stored' }),
  findBroken: async () => ((await read()) === whole ? [] : [`index ${index} is not what its rows are`]),
};

/** Search finds the old index or the new one, whole. */
const findHalf = async (): Promise<string[]> =>
  [before, whole].includes(await read()) ? [] : [`index ${index} is half there`];

const stages: readonly (readonly [doing: string, place: ReturnType<typeof inSearch>])[] = [
  ['taking the lock', inSearch({ method: 'POST', key: /^[/]indexes$/ })],
  ['making the index', inSearch({ method: 'POST', key: /^[/]indexes$/ }, 2)],
  ['writing documents', inSearch({ method: 'POST', key: new RegExp(`${FRESH.source}[/]documents$`) })],
  ['swapping the indexes', inSearch({ method: 'POST', key: /^[/]swap-indexes$/ })],
  ['removing what was replaced', inSearch({ method: 'DELETE', key: FRESH })],
  ['letting the lock go', inSearch({ method: 'DELETE', key: /^[/]indexes[/]holdfast-lock-/ })],
];

const cases: readonly KillCase[] = [
  ...around('executor', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('executor', 'committing the offset of the request', committingOffset('reindex[.]requested'), {
    takeover: 'restart',
  }),
  ...around('executor', 'committing the claim', claiming),
  ...stages.flatMap(([doing, place]) => around('executor', doing, place, { meanwhile: findHalf })),
  ...around('executor', 'committing the run with its event', settling('reindex.completed'), { takeover: 'restart' }),
];

describe('a rebuild of a search index whose executor is killed', () => {
  it.each(cases)('$app $step', (kill) => meetKill(cluster, reindex, kill), 120_000);

  it.each(stages.slice(2, 4).flatMap(([doing, place]) => around('executor', doing, place)))(
    '$app $step, with no attempt left',
    (kill) => meetLastKill(cluster, { ...reindex, findBroken: findHalf }, kill),
    180_000,
  );
});
