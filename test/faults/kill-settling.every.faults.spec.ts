import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import { around, commitOf } from './support/places.js';
import { byApi, cancelledInQueue, givingBack, requeueing, settlingUnheld } from './support/unsteady-runs.js';
import { backupOf, type Work } from './support/works.js';

const shop = backupOf('shop');
const of = (work: Work, cases: readonly KillCase[]) => cases.map((kill) => ({ ...kill, work }));

/** What moves a run besides its work. */
const all = [
  ...of(
    byApi,
    around(
      'scheduler',
      'committing what the API was asked',
      commitOf('catalog', /INTO holdfast[.]outbox[\s\S]*requested/),
    ),
  ),
  ...of(shop, around('executor', 'queueing the run again', requeueing)),
  ...of(shop, around('executor', 'giving the run back', givingBack)),
  ...(['executor', 'scheduler'] as const).flatMap((by) =>
    of(cancelledInQueue(by), around(by, 'settling what no worker holds', settlingUnheld, { takeover: 'restart' })),
  ),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'] });
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('a run whose app is killed beside its work', () => {
  it.each(all)('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 180_000);
});
