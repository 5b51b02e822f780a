import type { Catalog } from '#common/catalog/catalog.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { keepLease } from './keep-lease.js';

export interface UnderLeaseOptions {
  readonly catalog: Catalog;
  readonly name: string;
  readonly owner: string;
  readonly signal: AbortSignal;
  /** Default 60 s, renewed every 15. */
  readonly ttlMs?: number;
  readonly renewMs?: number;
}

/**
 * Works while nobody else does under the same name; undefined, without having worked, when somebody else does. The signal that the work
 * gets also fires before somebody else can begin. Throws: catalog.unavailable; what the work throws.
 */
export async function underLease<T>(
  { catalog, name, owner, signal, ttlMs = 60_000, renewMs = 15_000 }: UnderLeaseOptions,
  work: (lease: LeaseRef, signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const askedAtMs = performance.now();
  const lease = await catalog.transaction((tx) => tx.leases.acquire(name, owner, ttlMs));
  if (lease === undefined) return undefined;
  const { lost, stop } = keepLease(lease, { catalog, ttlMs, renewMs, askedAtMs, logger: silentLogger });
  try {
    return await work(lease, AbortSignal.any([signal, lost]));
  } finally {
    stop();
    // One that cannot be released expires by itself.
    if (!lost.aborted) await catalog.transaction((tx) => tx.leases.release(lease)).catch(() => undefined);
  }
}
