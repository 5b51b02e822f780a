import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { askByApi, atPlace, aWhile, backUpHalf, fromTheStart, isCompleted, shutAll, steps } from './support/outages.js';
import { replayRepublish, replayReset } from './support/replays.js';
import { chosenOf } from './support/report.js';
import {
  backupOf,
  placeOf,
  prepareRestored,
  proofOf,
  restoreInPlace,
  restoreNew,
  verification,
  type Work,
} from './support/works.js';

const shop = backupOf('shop');
const byApi: Work = { ...shop, ask: (cluster) => askByApi(cluster, 'backup.requested', { dataset: 'shop' }) };
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
    begin: (cluster) => atPlace(cluster, 'executor', steps.dump, () => shutAll(cluster, 'bus')),
    meanwhile: isCompleted,
  },
  {
    ...{ fault: 'bus unreachable', step: 'backup: when its event is published', work: shop },
    begin: (cluster) => atPlace(cluster, 'scheduler', steps.publishing, () => shutAll(cluster, 'bus')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'backup: before', work: shop },
    begin: (cluster) => fromTheStart(shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'backup: from the dump on', work: shop, representative: true },
    begin: (cluster) => atPlace(cluster, 'executor', steps.dump, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'backup: from the manifest on', work: shop },
    begin: (cluster) => atPlace(cluster, 'executor', steps.manifest, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'restore (in place): from the archive on', work: restoreInPlace },
    begin: (cluster) => atPlace(cluster, 'executor', steps.archive, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'restore (new): from the archive on', work: restoreNew },
    begin: (cluster) => atPlace(cluster, 'executor', steps.archive, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'verification: in the middle', work: verification },
    begin: (cluster) => atPlace(cluster, 'verifier', steps.counting, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'verification: from the verdict on', work: verification },
    begin: (cluster) => atPlace(cluster, 'verifier', steps.verdict, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'replay (republish): from the copies on', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copying, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'catalog unreachable', step: 'replay (reset): when the group is moved', work: replayReset },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.moving, () => shutAll(cluster, 'catalog')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'bus unreachable', step: 'replay (republish): from the copies on', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copying, () => shutAll(cluster, 'bus')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'bus unreachable', step: 'replay (republish): when copies are committed', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copied, () => shutAll(cluster, 'bus')),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'bus unreachable', step: 'replay (reset): when the group is moved', work: replayReset },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.moving, () => shutAll(cluster, 'bus')),
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
    if (chosen.some(({ work }) => ['verification', 'replay'].includes(work.family))) await cluster.startApp('verifier');
    if (chosen.some(({ work }) => work === restoreInPlace)) await prepareRestored(cluster, placeOf(cluster));
    if (chosen.some(({ work }) => work === verification)) await prepareRestored(cluster, proofOf(cluster));
  }, 120_000);
  afterAll(() => cluster?.close());

  it.each(chosen)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
