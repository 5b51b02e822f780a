import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { atPlace, aWhile, backUpHalf, steps } from './support/outages.js';
import { OwnPostgres } from './support/own-postgres.js';
import { replayRepublish, replayReset } from './support/replays.js';
import {
  backupOf,
  placeOf,
  prepareRestored,
  proofOf,
  restoreInPlace,
  restoreNew,
  verification,
} from './support/works.js';

const shop = backupOf('shop');
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
    begin: (cluster) => atPlace(cluster, 'executor', steps.dump, crashCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog crashed', step: 'backup: from the manifest on', work: shop },
    begin: (cluster) => atPlace(cluster, 'executor', steps.manifest, crashCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'backup: from the dump on', work: shop },
    begin: (cluster) => atPlace(cluster, 'executor', steps.dump, stopCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'restore (in place): from the archive on', work: restoreInPlace },
    begin: (cluster) => atPlace(cluster, 'executor', steps.archive, stopCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'restore (new): from the archive on', work: restoreNew },
    begin: (cluster) => atPlace(cluster, 'executor', steps.archive, stopCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'verification: in the middle', work: verification },
    begin: (cluster) => atPlace(cluster, 'verifier', steps.counting, stopCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog crashed', step: 'verification: from the verdict on', work: verification },
    begin: (cluster) => atPlace(cluster, 'verifier', steps.verdict, crashCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'replay (republish): from the copies on', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copying, stopCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog crashed', step: 'replay (republish): when copies are committed', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copied, crashCatalog),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog stopped', step: 'replay (reset): when the group is moved', work: replayReset },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.moving, stopCatalog),
    meanwhile: aWhile,
  },
];

beforeAll(async () => {
  catalog = await OwnPostgres.start();
  const surroundings = { catalog: { host: '127.0.0.1', port: catalog.port } };
  cluster = await Cluster.start({ surroundings });
  await prepareRestored(cluster, placeOf(cluster));
  await prepareRestored(cluster, proofOf(cluster));
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await catalog?.close();
});

describe('work goes on after the death of the catalog', () => {
  it.each(cases)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
