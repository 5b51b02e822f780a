import { expect } from '@jest/globals';
import type { AppName } from '../../support/app-process.js';
import { causedBy } from '../../support/request.js';
import { waitUntil } from '../../support/wait-until.js';
import type { Breakpoint } from './breakpoint.js';
import type { Cluster } from './cluster.js';
import { expelDead } from './expel-dead.js';
import { findBroken } from './invariants.js';
import type { Gates, Replica } from './replica.js';
import { type Chosen, conclude } from './report.js';
import { doWork, type Work } from './works.js';

type Stop = Pick<Breakpoint, 'reached' | 'release'>;

/** One app, killed at one step of one kind of work. */
export interface KillCase extends Chosen {
  readonly app: AppName;
  /** `before the manifest is stored`. */
  readonly step: string;
  readonly arm: (gates: Gates, cluster: Cluster) => Stop;
  /** Who goes on: a replica that was there before the kill, or the app started again. Default `restart`. */
  readonly takeover?: 'replica' | 'restart';
}

/** Kills the app at the step, lets another go on, and expects the work and every promise whole, and the next run to work. */
export async function meetKill(cluster: Cluster, work: Work, kill: KillCase): Promise<void> {
  await work.prepare?.(cluster);
  const victim = cluster.replicaOf(kill.app);
  const breakpoint = kill.arm(victim.gates, cluster);
  const asked = await work.ask(cluster);
  await meet(cluster, kill, breakpoint);
  const killedAtMs = await replace(cluster, kill, { victim, breakpoint });
  // Asked at once: the next run must not have to wait for this one to be over.
  const following = doWork(cluster, work);
  const done = await cluster.next(`${work.family}.completed`, causedBy(asked), { timeoutMs: 90_000 });
  // Nothing had to recover where the work was over, or went on elsewhere, before the kill.
  const recoverySeconds = Math.max(0, Math.round((done.seenAtMs - killedAtMs) / 100) / 10);
  await expelDead(cluster, victim);
  const next = await following;
  const row = { fault: `${kill.app} killed`, step: `${work.name}: ${kill.step}`, recoverySeconds };
  const broken = await conclude(row, async () => [
    ...((await work.findBroken?.(cluster, asked)) ?? []),
    ...(await findBroken(cluster, [asked, next])),
  ]);
  expect(broken).toEqual([]);
}

/** Throws, with what the apps did instead, when nobody ever comes to the step. */
async function meet(cluster: Cluster, { step }: KillCase, { reached }: Stop): Promise<void> {
  let isReached = false;
  const note = (): void => {
    isReached = true;
  };
  reached.then(note, () => undefined);
  await waitUntil(`somebody stands ${step}`, () => isReached, { explain: () => cluster.explain() });
}

interface Met {
  readonly victim: Replica;
  readonly breakpoint: Stop;
}

/** Returns the instant of the kill. What the dead one still had to say is dropped by its gates when they are released. */
async function replace(cluster: Cluster, kill: KillCase, { victim, breakpoint }: Met): Promise<number> {
  const { app, takeover = 'restart' } = kill;
  if (takeover === 'replica') await cluster.startApp(app);
  const killedAtMs = await victim.kill();
  breakpoint.release();
  if (takeover === 'restart') await cluster.startApp(app);
  return killedAtMs;
}
