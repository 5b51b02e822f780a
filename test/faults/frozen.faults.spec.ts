import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { causedBy } from '../support/request.js';
import { waitUntil } from '../support/wait-until.js';
import { Cluster } from './support/cluster.js';
import { freeze } from './support/freeze.js';
import { findBroken } from './support/invariants.js';
import { inStore, type Place, settling, statement } from './support/places.js';
import { type Chosen, chosenOf, conclude } from './support/report.js';
import { backupOf, doWork, placeOf, prepareRestored, restoreInPlace, restoreNew, type Work } from './support/works.js';

interface FrozenCase extends Chosen {
  readonly step: string;
  readonly work: Work;
  readonly at: Place['before'];
}

const shop = backupOf('shop');
const cases: readonly FrozenCase[] = [
  { step: 'before the object is stored', work: shop, at: inStore({ method: 'PUT', key: /dump[.]zst$/ }).before },
  {
    ...{ step: 'before the manifest is stored', work: shop, representative: true },
    at: inStore({ method: 'PUT', key: /manifest[.]json$/ }).before,
  },
  { step: 'after the manifest is stored', work: shop, at: inStore({ method: 'PUT', key: /manifest[.]json$/ }).after },
  { step: 'before the run is settled', work: shop, at: settling('backup.completed').before },
  { step: 'after the run is settled', work: shop, at: settling('backup.completed').after },
  {
    ...{ step: 'before the name is given', work: restoreNew },
    at: statement('target', { statement: /^ALTER DATABASE .* RENAME TO/i }).before,
  },
  {
    ...{ step: 'before anything is dropped', work: restoreInPlace },
    at: statement('target', { statement: /^DROP /im }).before,
  },
];

const chosen = chosenOf(cases);
let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'] });
  if (chosen.some(({ work }) => work === restoreInPlace)) await prepareRestored(cluster, placeOf(cluster));
}, 120_000);
afterAll(() => cluster?.close());

/** Past its claim, with another one to do the work; a sweep long after has removed what it left, and then it wakes up. */
async function meetFrost({ step, work, at }: FrozenCase): Promise<void> {
  await work.prepare?.(cluster);
  const victim = cluster.replicaOf('executor');
  const stop = at(victim.gates, cluster);
  const asked = await work.ask(cluster);
  let isReached = false;
  void stop.reached.then(() => {
    isReached = true;
  });
  await waitUntil(`it stands ${step}`, () => isReached, { explain: () => cluster.explain() });
  const frozen = await freeze(victim);
  const frozenAtMs = performance.now();
  try {
    const next = await cluster.startApp('executor');
    const done = await cluster.next(`${work.family}.completed`, causedBy(asked), { timeoutMs: 90_000 });
    const recoverySeconds = Math.max(0, Math.round((done.seenAtMs - frozenAtMs) / 100) / 10);
    // Once while it is frozen, which sweeps what it left, and once when it has done what it was about to do.
    const before = await findBroken(cluster, [asked]).then((all) => all.filter((one) => !one.startsWith('a session')));
    const row = { fault: 'executor frozen past its claim', step: `${work.name}: ${step}`, recoverySeconds };
    const broken = await conclude(row, async () => {
      stop.release();
      frozen.thaw();
      await frozen.childrenGone();
      await victim.stop();
      const following = await doWork(cluster, work);
      const found = await work.findBroken?.(cluster, asked);
      return [...before, ...(found ?? []), ...(await findBroken(cluster, [asked, following]))];
    });
    expect(broken).toEqual([]);
    expect(next.app.pid).not.toBe(victim.app.pid);
  } finally {
    frozen.thaw();
  }
}

describe('work whose executor is frozen', () => {
  it.each(chosen)('$work.name: $step', meetFrost, 240_000);
});
