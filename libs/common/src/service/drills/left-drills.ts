import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Drill } from '#common/catalog/entities/drill.entity.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Remember, Remembered } from '#common/engines/findings.js';
import { discardDrill } from '#common/operations/drill/run-drill.js';
import { mergeFound } from '#common/operations/restore/findings.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Installation } from '../installation.js';

/** Keeps what the restore of one attempt found with its row: by that a sweep knows what the attempt made. */
export const rememberOf =
  (drill: Drill, catalog: Catalog, assertHeld: (tx: CatalogTx) => Promise<void>): Remember =>
  (found) =>
    catalog.transaction(async (tx) => {
      await assertHeld(tx);
      const known = mergeFound(toRemembered(await tx.drills.find(drill)), found);
      await tx.drills.setFindings(drill, known as unknown as JsonObject);
      return known;
    });

const toRemembered = (drill: Drill | undefined): Partial<Remembered> => (drill?.findings ?? {}) as Partial<Remembered>;

export interface LeftDrillsDeps {
  readonly catalog: Catalog;
  readonly installation: Installation;
  readonly logger: Logger;
  /** Only the scratch places of this run. */
  readonly runId?: RunId;
}

/**
 * Removes the scratch places of attempts that are over. One that cannot be removed is left for the next time, and keeps none of the others.
 * Returns how many went.
 */
export async function removeLeft(d: LeftDrillsDeps, signal: AbortSignal): Promise<number> {
  const { catalog, installation, logger } = d;
  let removed = 0;
  for (const drill of await catalog.transaction((tx) => tx.drills.left(d.runId))) {
    signal.throwIfAborted();
    const { runId, attempt, method, destination } = drill;
    try {
      const { doneMark = null } = toRemembered(drill);
      const target = installation.target(drill.target);
      const place = { targetKind: installation.targetKind(drill.target), method, target, destination, doneMark };
      await discardDrill({ ...place, identity: { runId, attempt } }, signal);
      await catalog.transaction((tx) => tx.drills.setRemoved(drill));
      removed += 1;
    } catch (error) {
      signal.throwIfAborted();
      logger.warn({ err: error, runId, attempt, destination }, 'a scratch place of a drill cannot be removed yet');
    }
  }
  return removed;
}
