import type { Catalog } from '#common/catalog/catalog.js';
import { Channels } from '#common/catalog/channels.js';
import { startLeaseHolder } from '#common/service/background/lease.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { OutboxPump, type Publish } from './outbox-pump.js';

export interface RelayOptions {
  readonly catalog: Catalog;
  /** Unique per process. */
  readonly owner: string;
  readonly publish: Publish;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** A relay that is silent for this long is replaced. Default 15 s, renewed every 4. */
  readonly leaseTtlMs?: number;
  readonly renewMs?: number;
  /** How often to look when no notification comes. Default 1 s. */
  readonly pollMs?: number;
  readonly batchSize?: number;
  /** A bus that does not answer for this long may answer another process: the lease is released. Default 60 s. */
  readonly publishTimeoutMs?: number;
  /** The same once the relay is to stop. Default 3 s. */
  readonly stopTimeoutMs?: number;
}

export interface Relay {
  /** Lets the batch that is under way be acknowledged, then lets another relay go on. */
  stop(): Promise<void>;
}

const LEASE = 'relay';

/** Puts committed events on the bus, in order per key, at least once. In any number of processes: one of them works at a time. */
export function startRelay(options: RelayOptions): Relay {
  const { catalog, owner, logger, metrics, leaseTtlMs = 15_000, renewMs = 4_000 } = options;
  const pump = new OutboxPump(options);
  const listening = catalog.listen(Channels.outboxAdded, () => pump.wake());
  const holder = startLeaseHolder({
    catalog,
    name: LEASE,
    owner,
    ttlMs: leaseTtlMs,
    renewMs,
    logger,
    work: async (lease, stopping) => {
      metrics?.isRelaying.set(1);
      await pump.run(lease, { lost: lease.lost, stopping }).finally(() => metrics?.isRelaying.set(0));
    },
  });
  return {
    stop: async () => {
      const unlisten = await listening;
      unlisten();
      await holder.stop();
    },
  };
}
