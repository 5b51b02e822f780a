import type { Catalog } from '#common/catalog/catalog.js';
import type { Logger } from '#common/telemetry/logger.js';

/** Lets what the catalog's clock wrote before it was set back follow it, and says so. Any number of processes may look at once. */
export async function followClock({ catalog, logger }: { catalog: Catalog; logger: Logger }): Promise<void> {
  const runs = await catalog.transaction((tx) => tx.clock.follow());
  if (runs.length === 0) return;
  const aheadSeconds = Math.max(...runs.map((run) => run.aheadSeconds));
  const text = 'the clock of the catalog was set back: claims and waits of open runs follow it';
  logger.warn({ runIds: runs.slice(0, 20).map(({ id }) => id), runs: runs.length, aheadSeconds }, text);
}
