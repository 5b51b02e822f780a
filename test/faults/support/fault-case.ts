import { expect } from '@jest/globals';
import { waitUntil } from '#tools/platform/wait-until.js';
import type { Asked } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { findBroken } from './invariants.js';
import { type Chosen, conclude } from './report.js';
import { awaitDone, proveAndRepeat, type Work } from './works.js';

/** What goes wrong around the apps, which go on living. */
export interface Fault {
  /** Resolves when an app has met the fault: one that no app meets proves nothing. */
  readonly reached: Promise<void>;
  /** All is well again. Default: the fault ends by itself. */
  readonly end?: () => Promise<unknown> | unknown;
}

export interface FaultCase extends Chosen {
  /** `S3 answers 500`. */
  readonly fault: string;
  /** Where in the work: `backup: a part of the dump`. */
  readonly step: string;
  readonly work: Work;
  readonly begin: (cluster: Cluster) => Fault | Promise<Fault>;
  /** Asked before the fault begins, for what must be there already. */
  readonly before?: (cluster: Cluster) => Promise<unknown>;
  /** While it lasts: what must be true, or how long it does last. */
  readonly meanwhile?: (cluster: Cluster, asked: Asked) => Promise<unknown>;
}

/** Lets the fault happen in the middle of the work, and expects the work done once, every promise whole, and the next run to work. */
export async function meetFault(cluster: Cluster, one: FaultCase): Promise<void> {
  const { fault, step, work, begin, before, meanwhile } = one;
  await before?.(cluster);
  await work.prepare?.(cluster);
  const { reached, end } = await begin(cluster);
  const asked = await work.ask(cluster);
  await waitForFault(cluster, one, reached);
  const reachedAtMs = performance.now();
  await meanwhile?.(cluster, asked);
  await end?.();
  const wellAtMs = end === undefined ? reachedAtMs : performance.now();
  const done = await awaitDone(cluster, work, asked);
  const recoverySeconds = Math.max(0, Math.round((done.seenAtMs - wellAtMs) / 100) / 10);
  const broken = await conclude({ fault, step, recoverySeconds }, async () => {
    const { broken: found, next } = await proveAndRepeat(cluster, work, asked);
    return [...found, ...(await findBroken(cluster, [asked, next]))];
  });
  expect(broken).toEqual([]);
}

async function waitForFault(cluster: Cluster, { fault }: FaultCase, reached: Promise<void>): Promise<void> {
  let isReached = false;
  void reached.then(() => {
    isReached = true;
  });
  await waitUntil(`an app meets it: ${fault}`, () => isReached, { explain: () => cluster.explain() });
}
