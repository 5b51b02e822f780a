import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { askByApi, atTheBus, atTheStore, aWhile, fromTheStart, isCompleted, shutAll } from './support/outages.js';
import { chosenOf } from './support/report.js';
import { backupOf, placeOf, prepareRestored, restoreInPlace, type Work } from './support/works.js';

const shop = backupOf('shop');
const byApi: Work = { ...shop, ask: (cluster) => askByApi(cluster, 'backup.requested', { dataset: 'shop' }) };
const dump = { method: 'PUT', key: /dump[.]zst$/ };
const manifest = { method: 'PUT', key: /manifest[.]json$/ };
const archive = { method: 'GET', key: /dump[.]zst$/ };
const completedFact = ({ topicPrefix }: Cluster) => ({
  ...({ api: 'Produce', containing: new RegExp(`${topicPrefix}backup[.]completed`) } as const),
});

/** Gates are shut: both servers live on, and know of connections that the apps have lost. */
const cases: readonly FaultCase[] = [
  {
    ...{ fault: 'bus unreachable', step: 'backup: asked for over the API, before', work: byApi, representative: true },
    begin: (cluster) => fromTheStart(shutAll(cluster, 'bus')),
    meanwhile: isCompleted,
  },
  {
    ...{ fault: 'bus unreachable', step: 'backup: asked for on the bus, before', work: shop },
    begin: (cluster) => fromTheStart(shutAll(cluster, 'bus')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'bus unreachable', step: 'backup: from the dump on', work: shop },
    begin: (cluster) => atTheStore(cluster, dump, () => shutAll(cluster, 'bus')),
    meanwhile: isCompleted,
  },
  {
    ...{ fault: 'bus unreachable', step: 'backup: when its fact is published', work: shop },
    begin: (cluster) => atTheBus(cluster, completedFact(cluster), () => shutAll(cluster, 'bus')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'backup: before', work: shop },
    begin: (cluster) => fromTheStart(shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'backup: from the dump on', work: shop, representative: true },
    begin: (cluster) => atTheStore(cluster, dump, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'backup: from the manifest on', work: shop },
    begin: (cluster) => atTheStore(cluster, manifest, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'restore (in place): from the archive on', work: restoreInPlace },
    begin: (cluster) => atTheStore(cluster, archive, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'source unreachable', step: 'backup: before', work: shop },
    begin: (cluster) => fromTheStart(shutAll(cluster, 'source')),
    meanwhile: aWhile,
  },
];

describe('work goes on after an outage', () => {
  const chosen = chosenOf(cases);
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ apps: ['scheduler', 'executor'], config: { bus: { directAfterMs: 1_000 } } });
    if (chosen.some(({ work }) => work === restoreInPlace)) await prepareRestored(cluster, placeOf(cluster));
  }, 120_000);
  afterAll(() => cluster?.close());

  it.each(chosen)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
