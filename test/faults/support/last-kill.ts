import { expect } from '@jest/globals';
import { causedBy, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { expelDead } from './expel-dead.js';
import { findBroken } from './invariants.js';
import { type KillCase, meet } from './kill-case.js';
import { conclude } from './report.js';
import type { Work } from './works.js';

/** A dead sweeper keeps the others out for a minute. */
const SWEPT_MS = 90_000;

/** Kills the app at the step of a run that has no other attempt left, and expects `work.findBroken` and every promise whole when it failed. */
export async function meetLastKill(cluster: Cluster, work: Work, kill: KillCase): Promise<void> {
  await work.prepare?.(cluster);
  const victim = cluster.replicaOf(kill.app);
  const breakpoint = kill.arm(victim.gates, cluster);
  try {
    const asked = await work.ask(cluster);
    await meet(cluster, { ...kill, breakpoint });
    await cluster.catalog(`UPDATE holdfast.runs SET max_attempts = attempt WHERE id = '${runOf(asked)}'`);
    await victim.kill();
    breakpoint.release();
    await cluster.startApp(kill.app);
    await cluster.next(`${work.family}.failed`, causedBy(asked), { timeoutMs: SWEPT_MS });
    await expelDead(cluster, victim);
    const row = {
      fault: `${kill.app} killed for the last time`,
      step: `${work.name}: ${kill.step}`,
      recoverySeconds: null,
    };
    const broken = await conclude(row, async () => [
      ...(await findBroken(cluster, [asked], { patienceMs: SWEPT_MS })),
      ...((await work.findBroken?.(cluster, asked)) ?? []),
    ]);
    expect(broken).toEqual([]);
  } catch (error) {
    breakpoint.release();
    throw error;
  }
}
