import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '#common/catalog/catalog.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import type { Logger } from '#common/telemetry/logger.js';
import { type Background, inBackground } from './in-background.js';
import { keepLease } from './keep-lease.js';

export interface DueWork {
  readonly catalog: Catalog;
  /** Of the work, in the whole installation. */
  readonly name: string;
  readonly owner: string;
  /** From the end of one time to the beginning of the next, whoever does it. */
  readonly everyMs: number;
  /** Once. The signal fires before somebody else can begin, and when this process stops. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
  /** A process that is silent for this long while it works is replaced. Default 60 s, renewed every 15. */
  readonly ttlMs?: number;
  readonly renewMs?: number;
}

export interface PeriodicWorkOptions extends DueWork {
  /** After the start of this process. */
  readonly firstAfterMs: number;
}

/** How often to look whether it is time; a process that died in the middle of it is noticed no sooner. */
const POLL_MS = 30_000;
const TTL_MS = 60_000;

/**
 * Work that one of any number of processes does once in a while. The lease is held while it lasts, and kept on until the next time is
 * due: neither a second process nor a restart makes it come sooner.
 */
export const startPeriodicWork = (options: PeriodicWorkOptions): Background =>
  inBackground((stopping) => keepWorking(options, stopping));

async function keepWorking(options: PeriodicWorkOptions, stopping: AbortSignal): Promise<void> {
  const { everyMs, firstAfterMs } = options;
  const pause = (ms: number) => delay(ms, undefined, { signal: stopping }).catch(() => undefined);
  await pause(firstAfterMs);
  while (!stopping.aborted) {
    await workIfDue(options, stopping);
    await pause(Math.min(everyMs, POLL_MS));
  }
}

/** The same, asked for once: nothing happens while it is not due, or somebody else is at it. What fails is said, and thrown to nobody. */
export async function workIfDue(work: DueWork, stopping: AbortSignal): Promise<void> {
  const { catalog, name, owner, logger, everyMs, ttlMs = TTL_MS } = work;
  const askedAtMs = performance.now();
  // A second more: both ends of an interval are rounded.
  const atMostMs = Math.max(everyMs, ttlMs) + 1_000;
  try {
    const lease = await catalog.transaction((tx) => tx.leases.acquire(name, owner, ttlMs, { atMostMs }));
    if (lease !== undefined) await workOnce(lease, askedAtMs, work, stopping);
  } catch (error) {
    logger.warn({ err: error, lease: name }, 'lease not held');
  }
}

async function workOnce(
  lease: LeaseRef,
  askedAtMs: number,
  { catalog, work, everyMs, ttlMs = TTL_MS, renewMs = 15_000, logger: parent }: DueWork,
  stopping: AbortSignal,
): Promise<void> {
  const logger = parent.child({ lease: lease.name, fence: lease.fence });
  const { lost, stop } = keepLease(lease, { catalog, ttlMs, renewMs, askedAtMs, logger });
  try {
    await work(AbortSignal.any([lost, stopping]));
  } catch (error) {
    if (!stopping.aborted) logger.error({ err: error }, 'work under a lease failed');
  } finally {
    stop();
  }
  if (lost.aborted) return;
  await catalog.transaction((tx) =>
    // What was cut short goes on elsewhere at once.
    stopping.aborted ? tx.leases.release(lease) : tx.leases.renew(lease, everyMs),
  );
}
