import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '#common/catalog/catalog.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import type { Logger } from '#common/telemetry/logger.js';
import { type Background, inBackground } from './in-background.js';
import { keepLease } from './keep-lease.js';

export interface LeaseHolderOptions {
  readonly catalog: Catalog;
  readonly name: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly renewMs: number;
  /** Runs as long as the lease is held. Returns at once when `lost` fires, and when `stopping` does as soon as it is at rest. */
  readonly work: (lease: LeaseRef, signals: LeaseSignals) => Promise<void>;
  readonly logger: Logger;
}

export interface LeaseSignals {
  /** Fires before the lease can expire. */
  readonly lost: AbortSignal;
  readonly stopping: AbortSignal;
}

/** Work without an end that one process does at a time: whoever gets the lease works, the others wait for it. */
export const startLeaseHolder = (options: LeaseHolderOptions): Background =>
  inBackground((stopping) => hold(options, stopping));

async function hold(options: LeaseHolderOptions, stopping: AbortSignal): Promise<void> {
  const { catalog, name, owner, ttlMs, logger } = options;
  while (!stopping.aborted) {
    const askedAtMs = performance.now();
    try {
      const lease = await catalog.transaction((tx) => tx.leases.acquire(name, owner, ttlMs));
      if (lease !== undefined) await workUnder(lease, askedAtMs, options, stopping);
    } catch (error) {
      logger.warn({ err: error, lease: name }, 'lease not held');
    }
    await delay(options.renewMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

async function workUnder(
  lease: LeaseRef,
  askedAtMs: number,
  { catalog, work, ttlMs, renewMs, logger: parent }: LeaseHolderOptions,
  stopping: AbortSignal,
): Promise<void> {
  const logger = parent.child({ lease: lease.name, fence: lease.fence });
  const keepalive = keepLease(lease, { catalog, ttlMs, renewMs, askedAtMs, logger });
  logger.info({}, 'lease acquired');
  try {
    await work(lease, { lost: keepalive.lost, stopping });
  } catch (error) {
    logger.error({ err: error }, 'work under a lease failed');
  } finally {
    keepalive.stop();
  }
  // A holder that lost it has nothing to release; one that did not lets the next begin at once.
  if (!keepalive.lost.aborted) await catalog.transaction((tx) => tx.leases.release(lease));
}
