import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';

/** How long the catalog keeps what has come to its end. */
export interface KeepAges {
  readonly runsMs: number;
  readonly publishedMs: number;
  /** undefined: for ever. */
  readonly auditMs: number | undefined;
}

export interface ForgetDeps {
  readonly catalog: Catalog;
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

type Forget = (tx: CatalogTx, limit: number) => Promise<number>;

const AT_ONCE = 500;

/** Deletes what is settled and old, in small transactions. What cannot be deleted is said so, and does not keep the rest. */
export async function forgetOld(
  { runsMs, publishedMs, auditMs }: KeepAges,
  { catalog, logger, metrics }: ForgetDeps,
  signal: AbortSignal,
): Promise<void> {
  const jobs: Readonly<Record<string, Forget>> = {
    outbox: (tx, limit) => tx.outbox.prune(publishedMs, limit),
    inbox: (tx, limit) => tx.inbox.prune(limit),
    runs: (tx, limit) => tx.forget.runs(runsMs, limit),
    backups: (tx, limit) => tx.forget.backups(runsMs, limit),
    proofs: (tx, limit) => tx.forget.proofs(runsMs, limit),
    manifests: (tx, limit) => tx.forget.manifests(runsMs, limit),
    ...(auditMs === undefined ? {} : { audit: (tx, limit) => tx.forget.audit(auditMs, limit) }),
  };
  for (const [table, forget] of Object.entries(jobs)) {
    try {
      const count = await forgetAll(forget, catalog, signal);
      if (count > 0) logger.info({ table, count }, 'old rows forgotten');
      metrics?.forgotten.inc({ table }, count);
    } catch (error) {
      signal.throwIfAborted();
      logger.error({ err: error, table }, 'old rows not forgotten');
    }
  }
}

async function forgetAll(forget: Forget, catalog: Catalog, signal: AbortSignal): Promise<number> {
  let sum = 0;
  for (;;) {
    signal.throwIfAborted();
    const count = await catalog.transaction((tx) => forget(tx, AT_ONCE));
    sum += count;
    if (count < AT_ONCE) return sum;
  }
}
