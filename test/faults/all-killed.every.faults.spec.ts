import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#tools/platform/wait-until.js';
import { causedBy } from '../support/request.js';
import type { Breakpoint } from './support/breakpoint.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { replayRepublish } from './support/replays.js';
import type { Gates } from './support/replica.js';
import { conclude } from './support/report.js';
import {
  backupOf,
  doWork,
  placeOf,
  prepareRestored,
  proofOf,
  restoreInPlace,
  restoreNew,
  verification,
} from './support/works.js';

const apps = ['scheduler', 'executor', 'verifier'] as const;
const shop = backupOf('shop');

/** Each kind, and where it stands when the lights go out. */
const inFlight = [
  {
    work: shop,
    app: 'executor',
    at: ({ storage }: Gates) => storage.holdAfter({ method: 'PUT', key: /manifest[.]json$/ }),
  },
  {
    work: restoreNew,
    app: 'executor',
    at: ({ target }: Gates) => target.holdBefore({ statement: /^ALTER DATABASE .* RENAME TO/i }),
  },
  { work: restoreInPlace, app: 'executor', at: ({ target }: Gates) => target.holdBefore({ statement: /^DROP /im }) },
  { work: verification, app: 'verifier', at: ({ target }: Gates) => target.holdBefore({ statement: /count\(\*\)/i }) },
  {
    work: replayRepublish,
    app: 'verifier',
    at: ({ bus }: Gates, { id }: Cluster) =>
      bus.holdBefore({ api: 'Produce', containing: new RegExp(`${id}[.]copies`) }),
  },
] as const;

let cluster: Cluster;
beforeAll(async () => {
  const slots = { concurrency: 4, slotsPerHost: 8 };
  cluster = await Cluster.start({ config: { executor: slots, verifier: { concurrency: 4 } } });
  await prepareRestored(cluster, placeOf(cluster));
  await prepareRestored(cluster, proofOf(cluster));
}, 120_000);
afterAll(() => cluster?.close());

async function stand(holds: readonly Pick<Breakpoint, 'reached'>[]): Promise<void> {
  let standing = 0;
  for (const { reached } of holds)
    void reached.then(() => {
      standing += 1;
    });
  const explain = () => `${standing} of ${holds.length} stand\n${cluster.explain()}`;
  await waitUntil('every run stands at its step', () => standing === holds.length, { explain });
}

describe('all apps killed at once', () => {
  it('with a run of every kind in flight lose none and double none', async () => {
    for (const { work } of inFlight) await ('prepare' in work ? work.prepare?.(cluster) : undefined);
    const holds = inFlight.map(({ app, at }) => at(cluster.replicaOf(app).gates, cluster));
    const asked = await Promise.all(inFlight.map(({ work }) => work.ask(cluster)));
    await stand(holds);
    const killedAtMs = performance.now();
    await Promise.all(apps.map((name) => cluster.replicaOf(name).kill()));
    for (const hold of holds) hold.release();
    await Promise.all(apps.map((name) => cluster.startApp(name)));
    const ends = inFlight.map(({ work }, index) =>
      cluster.next(`${work.family}.completed`, causedBy(asked[index] as never), { timeoutMs: 120_000 }),
    );
    const lastSeenMs = Math.max(...(await Promise.all(ends)).map(({ seenAtMs }) => seenAtMs));
    const row = { fault: 'every app killed at once', step: 'all kinds: in flight' };
    const recoverySeconds = Math.round((lastSeenMs - killedAtMs) / 100) / 10;
    const broken = await conclude({ ...row, recoverySeconds }, async () => {
      const next = await doWork(cluster, shop);
      const found = inFlight.map(({ work }, index) => work.findBroken?.(cluster, asked[index] as never));
      return [
        ...(await Promise.all(found)).flatMap((one) => one ?? []),
        ...(await findBroken(cluster, [...asked, next])),
      ];
    });
    expect(broken).toEqual([]);
  }, 240_000);
});
