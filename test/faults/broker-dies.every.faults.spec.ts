import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { askByApi, atPlace, aWhile, backUpHalf, fromTheStart, isCompleted, steps } from './support/outages.js';
import { OwnBroker } from './support/own-broker.js';
import { replayRepublish, replayReset } from './support/replays.js';
import { backupOf, type Work } from './support/works.js';

const shop = backupOf('shop');
const byApi: Work = { ...shop, ask: (cluster) => askByApi(cluster, 'backup.requested', { dataset: 'shop' }) };
let broker: OwnBroker;
let cluster: Cluster;
const killBroker = async () => {
  await broker.kill();
  return () => broker.restart();
};

/** A gate that is shut leaves a broker that remembers; this one forgets what was in its memory only. */
const cases: readonly FaultCase[] = [
  {
    ...{ fault: 'broker killed', step: 'backup: asked for over the API, before', work: byApi },
    begin: async () => fromTheStart(await killBroker()),
    meanwhile: isCompleted,
  },
  {
    ...{ fault: 'broker killed', step: 'backup: from the dump on', work: shop },
    begin: (cluster) => atPlace(cluster, 'executor', steps.dump, killBroker),
    meanwhile: isCompleted,
  },
  {
    ...{ fault: 'broker killed', step: 'backup: when its event is published', work: shop },
    begin: (cluster) => atPlace(cluster, 'scheduler', steps.publishing, killBroker),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'broker killed', step: 'replay (republish): from the copies on', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copying, killBroker),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'broker killed', step: 'replay (republish): when copies are committed', work: replayRepublish },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.copied, killBroker),
    meanwhile: aWhile,
  },
  {
    ...{ fault: 'broker killed', step: 'replay (reset): when the group is moved', work: replayReset },
    before: backUpHalf,
    begin: (cluster) => atPlace(cluster, 'verifier', steps.moving, killBroker),
    meanwhile: aWhile,
  },
];

beforeAll(async () => {
  broker = await OwnBroker.start();
  const config = { bus: { directAfterMs: 1_000 } };
  cluster = await Cluster.start({ config, surroundings: { bus: broker.address } });
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await broker?.close();
});

describe('work goes on after the death of the broker', () => {
  it.each(cases)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
