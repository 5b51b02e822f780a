import type { Catalog } from '#common/catalog/catalog.js';

const AT_ONCE = 1_000;

/** Deletes what was said long ago and what need not be remembered any more, in small transactions. */
export async function pruneSpoken(catalog: Catalog, keepPublishedMs: number, ended: AbortSignal): Promise<void> {
  for (let isMore = true; isMore && !ended.aborted; ) {
    isMore = await catalog.transaction(async (tx) => {
      const events = await tx.outbox.prune(keepPublishedMs, AT_ONCE);
      const requests = await tx.inbox.prune(AT_ONCE);
      return events === AT_ONCE || requests === AT_ONCE;
    });
  }
}
