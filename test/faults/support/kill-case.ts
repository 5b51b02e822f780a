import { expect } from '@jest/globals';
import type { AppName } from '#tools/platform/app-process.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import type { Asked } from '../../support/request.js';
import type { Stop } from './breakpoint.js';
import type { Cluster } from './cluster.js';
import { expelDead } from './expel-dead.js';
import { findBroken } from './invariants.js';
import { findLeftHolds } from './left-holds.js';
import { stillRunning } from './process-tree.js';
import type { Gates, Replica } from './replica.js';
import { type Chosen, conclude, orTell } from './report.js';
import { awaitDone, proveAndRepeat, type Work } from './works.js';

/** One app, killed at one step of one kind of work. */
export interface KillCase extends Chosen {
  readonly app: AppName;
  /** `before the manifest is stored`. */
  readonly step: string;
  readonly arm: (gates: Gates, cluster: Cluster) => Stop;
  /** Who goes on: a replica that was there before the kill, or the app started again. Default `restart`. */
  readonly takeover?: 'replica' | 'restart';
  /**
   * While no app is there to go on, and what the dead app had started has ended: what others do then, and what is broken already.
   * Only with `restart`.
   */
  readonly meanwhile?: (cluster: Cluster) => Promise<readonly string[]>;
}

/** Kills the app at the step, lets another go on, and expects the work and every promise whole, and the next run to work. */
export async function meetKill(cluster: Cluster, work: Work, kill: KillCase): Promise<void> {
  await work.prepare?.(cluster);
  const victim = cluster.replicaOf(kill.app);
  const breakpoint = kill.arm(victim.gates, cluster);
  const head = { fault: `${kill.app} killed`, step: `${work.name}: ${kill.step}` };
  try {
    const { asked, recoverySeconds } = await orTell(head, () =>
      recover(cluster, work, { ...kill, victim, breakpoint }),
    );
    const broken = await conclude({ ...head, recoverySeconds }, async () => {
      const { broken: found, next } = await proveAndRepeat(cluster, work, asked);
      return [...found, ...(await findLeftHolds(cluster)), ...(await findBroken(cluster, [asked, next]))];
    });
    expect(broken).toEqual([]);
  } catch (error) {
    breakpoint.release();
    throw error;
  }
}

interface Met extends KillCase {
  readonly victim: Replica;
  readonly breakpoint: Stop;
}

interface Recovered {
  readonly asked: Asked;
  readonly recoverySeconds: number;
}

async function recover(cluster: Cluster, work: Work, met: Met): Promise<Recovered> {
  const asked = await work.ask(cluster);
  await meet(cluster, met);
  const killedAtMs = await replace(cluster, met);
  const done = await awaitDone(cluster, work, asked);
  await expelDead(cluster, met.victim);
  // Nothing had to recover where the work was over, or went on elsewhere, before the kill.
  return { asked, recoverySeconds: Math.max(0, Math.round((done.seenAtMs - killedAtMs) / 100) / 10) };
}

/** Throws, with what the apps did instead, when no app ever comes to the step. */
export async function meet(
  cluster: Cluster,
  { step, breakpoint }: Pick<KillCase, 'step'> & { readonly breakpoint: Stop },
): Promise<void> {
  let isReached = false;
  const note = (): void => {
    isReached = true;
  };
  breakpoint.reached.then(note, () => undefined);
  await waitUntil(`an app stands ${step}`, () => isReached, { explain: () => cluster.explain() });
}

/**
 * Returns the instant of the kill. What the dead one still had to say is dropped by its gates when they are released. Throws what is
 * broken already while no app goes on.
 */
async function replace(cluster: Cluster, met: Met): Promise<number> {
  const { app, takeover = 'restart', victim, breakpoint, meanwhile } = met;
  if (takeover === 'replica') await cluster.startApp(app);
  const killedAtMs = await victim.kill();
  breakpoint.release();
  if (takeover === 'replica') return killedAtMs;
  if (meanwhile !== undefined) await orphansGone(victim);
  const broken = (await meanwhile?.(cluster)) ?? [];
  await cluster.startApp(app);
  if (broken.length > 0) throw new Error(broken.join('; '));
  return killedAtMs;
}

const orphansGone = ({ orphans }: Replica): Promise<true> =>
  waitUntil('what the dead app had started has ended', async () => (await stillRunning(orphans)).length === 0);
