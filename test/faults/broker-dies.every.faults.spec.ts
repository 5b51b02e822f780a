import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { askByApi, atTheBus, atTheStore, aWhile, fromTheStart, isCompleted } from './support/outages.js';
import { OwnBroker } from './support/own-broker.js';
import { backupOf, type Work } from './support/works.js';

const shop = backupOf('shop');
const byApi: Work = { ...shop, ask: (cluster) => askByApi(cluster, 'backup.requested', { dataset: 'shop' }) };
const dump = { method: 'PUT', key: /dump[.]zst$/ };
const completedFact = ({ topicPrefix }: Cluster) => ({
  ...({ api: 'Produce', containing: new RegExp(`${topicPrefix}backup[.]completed`) } as const),
});

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
    begin: (cluster) => atTheStore(cluster, dump, killBroker),
    meanwhile: isCompleted,
  },
  {
    ...{ fault: 'broker killed', step: 'backup: when its fact is published', work: shop },
    begin: (cluster) => atTheBus(cluster, completedFact(cluster), killBroker),
    meanwhile: aWhile,
  },
];

beforeAll(async () => {
  broker = await OwnBroker.start();
  const config = { bus: { directAfterMs: 1_000 } };
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], config, surroundings: { bus: broker.address } });
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await broker?.close();
});

describe('work goes on after the death of the broker', () => {
  it.each(cases)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
