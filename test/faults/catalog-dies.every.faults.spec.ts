import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { atTheStore, aWhile } from './support/outages.js';
import { OwnPostgres } from './support/own-postgres.js';
import { backupOf, placeOf, prepareRestored, restoreInPlace } from './support/works.js';

const shop = backupOf('shop');
const dump = { method: 'PUT', key: /dump[.]zst$/ };
const manifest = { method: 'PUT', key: /manifest[.]json$/ };
const archive = { method: 'GET', key: /dump[.]zst$/ };

let catalog: OwnPostgres;
let cluster: Cluster;
const crashCatalog = async () => {
  await catalog.crash();
  return () => catalog.restart();
};
const stopCatalog = async () => {
  await catalog.stop();
  return () => catalog.restart();
};

/** Unlike behind a gate that is shut, sessions end with errors of the server's own, and transactions are lost. */
const cases: readonly FaultCase[] = [
  {
    ...{ fault: 'catalog crashed', step: 'backup: from the dump on', work: shop },
    begin: (cluster) => atTheStore(cluster, dump, crashCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog crashed', step: 'backup: from the manifest on', work: shop },
    begin: (cluster) => atTheStore(cluster, manifest, crashCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'backup: from the dump on', work: shop },
    begin: (cluster) => atTheStore(cluster, dump, stopCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'restore (in place): from the archive on', work: restoreInPlace },
    begin: (cluster) => atTheStore(cluster, archive, stopCatalog),
    meanwhile: aWhile,
  },
];

beforeAll(async () => {
  catalog = await OwnPostgres.start();
  const surroundings = { catalog: { host: '127.0.0.1', port: catalog.port } };
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], surroundings });
  await prepareRestored(cluster, placeOf(cluster));
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await catalog?.close();
});

describe('work goes on after the death of the catalog', () => {
  it.each(cases)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
