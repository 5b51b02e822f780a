import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppName } from '#tools/platform/app-process.js';
import { Cluster } from './support/cluster.js';
import { SEEN_ORDERS } from './support/estate.js';
import { freeze } from './support/freeze.js';
import { findBroken } from './support/invariants.js';
import { meet } from './support/kill-case.js';
import { findLeftHolds } from './support/left-holds.js';
import { commitOf, following, inStorage, onBus, type Place, settling, statement } from './support/places.js';
import { readOn, replayRepublish, replayReset } from './support/replays.js';
import { type Chosen, chosenOf, conclude } from './support/report.js';
import {
  awaitDone,
  backupOf,
  placeOf,
  prepareRestored,
  proofOf,
  proveAndRepeat,
  restoreInPlace,
  restoreNew,
  verification,
  type Work,
} from './support/works.js';

interface FrozenCase extends Chosen {
  readonly step: string;
  readonly work: Work;
  readonly at: Place['before'];
  /** Default: the executor. */
  readonly app?: AppName;
  /** What others do while it is frozen. */
  readonly meanwhile?: (cluster: Cluster) => Promise<unknown>;
}

const shop = backupOf('shop');
const copies = onBus(({ id }) => ({ api: 'Produce', containing: new RegExp(`${id}[.]copies`) }));
const cases: readonly FrozenCase[] = [
  { step: 'before the object is stored', work: shop, at: inStorage({ method: 'PUT', key: /dump[.]zst$/ }).before },
  {
    ...{ step: 'before the manifest is stored', work: shop, representative: true },
    at: inStorage({ method: 'PUT', key: /manifest[.]json$/ }).before,
  },
  { step: 'after the manifest is stored', work: shop, at: inStorage({ method: 'PUT', key: /manifest[.]json$/ }).after },
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
  {
    ...{ step: 'before the verdict is stored', work: verification, app: 'verifier' },
    at: inStorage({ method: 'PUT', key: /[/]verdicts[/]/ }).before,
  },
  {
    ...{ step: 'before the run is settled', work: verification, app: 'verifier' },
    at: settling('verification.completed').before,
  },
  {
    ...{ step: 'before the range is frozen', work: replayReset, app: 'verifier' },
    at: commitOf('catalog', /INSERT INTO holdfast[.]replays/).before,
  },
  {
    ...{ step: 'after the journal, and the consumer reads on', work: replayReset, app: 'verifier' },
    at: onBus(() => ({ api: 'OffsetCommit', containing: /holdfast-replay-/ })).after,
    meanwhile: (to) => readOn(to, SEEN_ORDERS + 50),
  },
  {
    ...{ step: 'before copies are committed', work: replayRepublish, app: 'verifier' },
    at: following(
      copies.before,
      onBus(() => ({ api: 'EndTxn' })),
      async () => true,
    ).before,
  },
  { step: 'before copies are written', work: replayRepublish, app: 'verifier', at: copies.before },
];

const chosen = chosenOf(cases);
let cluster: Cluster;
beforeAll(async () => {
  const isVerifying = chosen.some(({ app }) => app === 'verifier');
  cluster = await Cluster.start({ apps: ['scheduler', 'executor', ...(isVerifying ? (['verifier'] as const) : [])] });
  if (chosen.some(({ work }) => work === restoreInPlace)) await prepareRestored(cluster, placeOf(cluster));
  if (isVerifying) await prepareRestored(cluster, proofOf(cluster));
}, 120_000);
afterAll(() => cluster?.close());

/**
 * Past its claim, with another one to do the work, and a sweep long after to remove what it left. What it had on its way to the storage
 * lands only then; then it wakes up, and goes on where it stood.
 */
async function meetFrost({ step, work, at, app = 'executor', meanwhile }: FrozenCase): Promise<void> {
  await work.prepare?.(cluster);
  const victim = cluster.replicaOf(app);
  const stop = at(victim.gates, cluster);
  const asked = await work.ask(cluster);
  await meet(cluster, { step, breakpoint: stop });
  const frozen = await freeze(victim);
  const frozenAtMs = performance.now();
  const look = async (): Promise<readonly string[]> => (await work.findBroken?.(cluster, asked)) ?? [];
  try {
    const next = await cluster.startApp(app);
    const done = await awaitDone(cluster, work, asked);
    const recoverySeconds = Math.max(0, Math.round((done.seenAtMs - frozenAtMs) / 100) / 10);
    const row = { fault: `${app} frozen past its claim`, step: `${work.name}: ${step}`, recoverySeconds };
    const broken = await conclude(row, async () => {
      const early = [...(await look()), ...(await findBroken(cluster, [asked]))];
      await meanwhile?.(cluster);
      if (stop.land === undefined) stop.release();
      else expect(await stop.land()).toBe(200);
      frozen.thaw();
      await frozen.childrenGone();
      await victim.stop();
      const { broken: late, next: following } = await proveAndRepeat(cluster, work, asked);
      return [
        ...early.filter((one) => !one.startsWith('a session')),
        ...late,
        ...(await findLeftHolds(cluster)),
        ...(await findBroken(cluster, [asked, following])),
      ];
    });
    expect(broken).toEqual([]);
    expect(next.app.pid).not.toBe(victim.app.pid);
  } finally {
    frozen.thaw();
  }
}

describe('work whose process is frozen', () => {
  it.each(chosen)('$work.name: $step', meetFrost, 240_000);
});
