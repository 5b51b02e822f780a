import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { AppName } from '#tools/platform/app-process.js';
import { Cluster } from './support/cluster.js';
import { FakeClock } from './support/fake-clock.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { atPlace, aWhile, backUpHalf, fromTheStart, steps } from './support/outages.js';
import type { Place } from './support/places.js';
import { replayRepublish } from './support/replays.js';
import { backupOf, prepareRestored, proofOf, restoreNew, verification } from './support/works.js';

const HOUR_S = 3_600;
let clock: FakeClock;
let cluster: Cluster;

/** Moved for every app while one stands at a step, and moved back after more than a claim's life. */
const movedAt = (app: AppName, place: Place, seconds: number) => (inCluster: Cluster) =>
  atPlace(inCluster, app, place, async () => {
    await clock.move(seconds);
    return () => clock.move(0);
  });

const shop = backupOf('shop');

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
      begin: movedAt('executor', steps.dump, seconds),
    },
    { ...shared, step: 'restore (new): asked for meanwhile', work: restoreNew, begin: moved },
    {
      ...shared,
      step: 'restore (new): from the archive on',
      work: restoreNew,
      begin: movedAt('executor', steps.archive, seconds),
    },
    {
      ...shared,
      step: 'verification: in the middle',
      work: verification,
      begin: movedAt('verifier', steps.counting, seconds),
    },
    {
      ...shared,
      step: 'replay (republish): asked for meanwhile',
      work: replayRepublish,
      before: backUpHalf,
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
