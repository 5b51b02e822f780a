import type pg from 'pg';
import type { ProductIndex } from './product-index.js';
import { productPages } from './products.js';

/** Longer than any statement of the shop may run, so longer than its transactions stay unseen. */
const OVERLAP_MS = 60_000;

/**
 * Rebuilds the search index from the database and returns how many products it holds. Products that change meanwhile were
 * indexed into what the swap replaced, so they are indexed again after it.
 */
export async function rebuildIndex(
  pool: pg.Pool,
  index: ProductIndex,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: (indexed: number) => void },
): Promise<number> {
  const { rows } = await pool.query<{ now: Date }>('SELECT now()');
  const startedAt = (rows[0] as { now: Date }).now;
  let indexed = 0;
  await index.replace(async (add) => {
    for await (const page of productPages(pool, new Date(0))) {
      signal.throwIfAborted();
      await add(page);
      indexed += page.length;
      onProgress?.(indexed);
    }
  });
  for await (const page of productPages(pool, new Date(startedAt.getTime() - OVERLAP_MS))) await index.put(page);
  return indexed;
}
