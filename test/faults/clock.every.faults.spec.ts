import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { FakeClock } from './support/fake-clock.js';
import { type Fault, type FaultCase, meetFault } from './support/fault-case.js';
import { aWhile, fromTheStart } from './support/outages.js';
import { inStore, type Place, statement } from './support/places.js';
import { replayRepublish, seeHalf } from './support/replays.js';
import { backupOf, doWork, prepareRestored, proofOf, restoreNew, verification } from './support/works.js';

const HOUR_S = 3_600;
let clock: FakeClock;
let cluster: Cluster;

/** Moved for every app while one stands at a step, and moved back after more than a claim's life. */
const movedAt =
  (app: 'executor' | 'verifier', place: Place, seconds: number) =>
  (inCluster: Cluster): Fault => {
    const stop = place.before(inCluster.replicaOf(app).gates, inCluster);
    const reached = stop.reached.then(async () => {
      await clock.move(seconds);
      stop.release();
    });
    return { reached, end: () => clock.move(0) };
  };

const shop = backupOf('shop');
const dump = inStore({ method: 'PUT', key: /dump[.]zst$/ });
const archive = inStore({ method: 'GET', key: /dump[.]zst$/ });
const counting = statement('target', { statement: /count\(\*\)/i });

/** Of the state to which the orders are to be replayed. */
const aBackupBefore = async (inCluster: Cluster): Promise<void> => {
  await seeHalf(inCluster);
  await doWork(inCluster, shop);
};

const cases: readonly FaultCase[] = [HOUR_S, -HOUR_S].flatMap((seconds): FaultCase[] => {
  const fault = `clock ${seconds > 0 ? 'an hour ahead' : 'an hour behind'}, then right again`;
  const moved = async () => {
    await clock.move(seconds);
    return fromTheStart(() => clock.move(0));
  };
  const shared = { fault, meanwhile: aWhile };
  return [
    { ...shared, step: 'backup: before', work: shop, begin: moved },
    {
      ...shared,
      step: 'backup: from the dump on',
      work: shop,
      begin: movedAt('executor', dump, seconds),
    },
    { ...shared, step: 'restore (new): asked for meanwhile', work: restoreNew, begin: moved },
    {
      ...shared,
      step: 'restore (new): from the archive on',
      work: restoreNew,
      begin: movedAt('executor', archive, seconds),
    },
    {
      ...shared,
      step: 'verification: in the middle',
      work: verification,
      begin: movedAt('verifier', counting, seconds),
    },
    {
      ...shared,
      step: 'replay (republish): asked for meanwhile',
      work: replayRepublish,
      before: aBackupBefore,
      begin: moved,
    },
  ];
});

beforeAll(async () => {
  clock = await FakeClock.make();
  cluster = await Cluster.start({ apps: ['scheduler', 'executor', 'verifier'], env: clock.env });
  await prepareRestored(cluster, proofOf(cluster));
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await clock?.close();
});

describe('work while clocks are moved', () => {
  it.each(cases)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
