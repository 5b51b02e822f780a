import type { Catalog } from '#common/catalog/catalog.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import { type Keepalive, type KeepaliveOptions, keepAlive } from './keepalive.js';

interface KeepLeaseOptions extends Omit<KeepaliveOptions, 'renew' | 'subject'> {
  readonly catalog: Catalog;
}

/** Renews a lease until stopped. */
export const keepLease = (lease: LeaseRef, { catalog, ...options }: KeepLeaseOptions): Keepalive =>
  keepAlive({
    ...options,
    renew: (until) => catalog.transaction((tx) => tx.leases.renew(lease, options.ttlMs), { until }),
    subject: `lease ${lease.name}`,
  });
