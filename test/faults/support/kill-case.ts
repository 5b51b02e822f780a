import { expect } from '@jest/globals';
import type { AppName } from '../../support/app-process.js';
import { type Asked, ask, causedBy } from '../../support/request.js';
import { waitUntil } from '../../support/wait-until.js';
import type { Breakpoint } from './breakpoint.js';
import type { Cluster } from './cluster.js';
import { findBroken } from './invariants.js';
import type { Gates, Replica } from './replica.js';
import { type Chosen, conclude } from './report.js';

/** One app, killed at one step of one kind of work. */
export interface KillCase extends Chosen {
  readonly app: AppName;
  /** `before the manifest is stored`. */
  readonly step: string;
  readonly arm: (gates: Gates, cluster: Cluster) => Pick<Breakpoint, 'reached' | 'release'>;
  /** Who goes on: a replica that was there before the kill, or the app started again. Default `restart`. */
  readonly takeover?: 'replica' | 'restart';
  /** Only with it the case means what it says: what must be true while the app stands at the step. */
  readonly meanwhile?: (cluster: Cluster, asked: Asked) => Promise<void>;
}

/** One kind of work, and how to tell that it was done. */
export interface Work {
  /** `backup`, `replay (reset)`. */
  readonly name: string;
  /** Family of its events. */
  readonly family: 'backup' | 'restore' | 'verification' | 'replay';
  readonly ask: (cluster: Cluster) => Promise<Asked>;
  /** What is broken in what the run made; called when it is done. */
  readonly findBroken?: (cluster: Cluster, asked: Asked) => Promise<string[]>;
}

/** Asks, and waits for the fact that it was done. */
export async function doWork(cluster: Cluster, { family, ask: begin }: Work): Promise<Asked> {
  const asked = await begin(cluster);
  await cluster.next(`${family}.completed`, causedBy(asked), { timeoutMs: 60_000 });
  return asked;
}

/** Kills the app at the step, lets another go on, and expects the work and every promise whole, and the next run to work. */
export async function meetKill(cluster: Cluster, work: Work, kill: KillCase): Promise<void> {
  const victim = cluster.replicaOf(kill.app);
  const breakpoint = kill.arm(victim.gates, cluster);
  const asked = await work.ask(cluster);
  await meet(cluster, kill, breakpoint);
  await kill.meanwhile?.(cluster, asked);
  const killedAtMs = await replace(cluster, kill, victim, breakpoint);
  // The next run must not have to wait for this one.
  const following = doWork(cluster, work);
  const done = await cluster.next(`${work.family}.completed`, causedBy(asked), { timeoutMs: 60_000 });
  const recoverySeconds = Math.round((done.seenAtMs - killedAtMs) / 100) / 10;
  const next = await following;
  const row = { fault: `${kill.app} killed`, step: `${work.name}: ${kill.step}`, recoverySeconds };
  const broken = await conclude(row, async () => [
    ...((await work.findBroken?.(cluster, asked)) ?? []),
    ...(await findBroken(cluster, [asked, next])),
  ]);
  expect(broken).toEqual([]);
}

/** Throws, with what the app did instead, when it never comes to the step. */
async function meet(cluster: Cluster, { step }: KillCase, { reached }: Pick<Breakpoint, 'reached'>): Promise<void> {
  let isReached = false;
  void reached.then(() => {
    isReached = true;
  });
  await waitUntil(`somebody stands ${step}`, () => isReached, { explain: () => cluster.explain() });
}

async function replace(
  cluster: Cluster,
  { app, takeover = 'restart' }: KillCase,
  victim: Replica,
  breakpoint: Pick<Breakpoint, 'release'>,
): Promise<number> {
  if (takeover === 'replica') await cluster.startApp(app);
  const killedAtMs = await victim.kill();
  breakpoint.release();
  if (takeover === 'restart') await cluster.startApp(app);
  return killedAtMs;
}

export const backupOf = (dataset: string): Work => ({
  name: 'backup',
  family: 'backup',
  ask: (cluster) => ask(cluster, 'backup.requested', { dataset }),
});
