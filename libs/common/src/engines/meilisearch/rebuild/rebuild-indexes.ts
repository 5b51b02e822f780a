import type { JsonObject } from '#common/domain/json.js';
import { hideSecrets, withSecrets } from '#common/engines/meilisearch/embedder-secrets.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type {
  MeilisearchDataset,
  MeilisearchTarget,
  RebuildSource,
} from '#common/engines/meilisearch/meilisearch-dataset.js';
import { toPrefix } from '#common/engines/meilisearch/restore/destination.js';
import { DocumentsQueue } from '#common/engines/meilisearch/restore/documents-queue.js';
import { removeFresh, toFreshName } from '#common/engines/meilisearch/restore/own-indexes.js';
import { RestoreFence } from '#common/engines/meilisearch/restore/restore-fence.js';
import type { Rebuild, RebuildOptions, RebuildOrder, Rebuilt } from '#common/engines/rebuild.js';
import { AppError } from '#common/errors/app-error.js';
import { readRows } from './read-rows.js';

type Order = RebuildOrder<MeilisearchDataset, MeilisearchTarget>;

const CLEAN_UP_MS = 120_000;

interface Made {
  readonly name: string;
  /** What the index is called when it is in its place. */
  readonly place: string;
  readonly fresh: string;
  readonly documents: number;
  readonly isReplaced: boolean;
}

/**
 * Makes indexes anew from SQL: each is filled beside the one that search uses, and one swap puts all of them in their places. Search finds the old
 * ones or the new ones, whole, and what no row stands behind is gone. Restores to the same destination are kept out meanwhile.
 */
export const rebuildIndexes: Rebuild<MeilisearchDataset, MeilisearchTarget> = {
  parts: ({ rebuild }) => Object.keys(rebuild),

  async run(order: Order, o: RebuildOptions): Promise<Rebuilt> {
    const { target, destination, identity } = order;
    const fence = await RestoreFence.open(target.connection, destination, { ...o, identity });
    const lost = new AbortController();
    void fence.whenLost.then((error) => lost.abort(error));
    try {
      return await makeAndSwap(order, fence, { ...o, signal: AbortSignal.any([o.signal, lost.signal]) });
    } finally {
      await fence.close();
    }
  },
};

async function makeAndSwap(order: Order, fence: RestoreFence, o: RebuildOptions): Promise<Rebuilt> {
  const { target, destination, identity } = order;
  const client = new MeilisearchClient(target.connection, o.signal);
  await removeFresh(client, identity);
  try {
    const made = await makeAll(client, order, o);
    await o.assertHeld();
    if (!(await fence.isHeld(client)))
      throw new AppError('claim.lost', `another restore to ${destination} has taken over`);
    const pairs = made.map(({ fresh, place, isReplaced }) => ({
      indexes: [fresh, place] as const,
      rename: !isReplaced,
    }));
    await client.done(client.swap(pairs));
    return { parts: made.map(({ fresh: _, ...part }) => part) };
  } catch (error) {
    o.signal.throwIfAborted();
    throw error;
  } finally {
    // What stays, the next attempt or a sweep removes.
    const cleaner = new MeilisearchClient(target.connection, AbortSignal.timeout(CLEAN_UP_MS));
    await removeFresh(cleaner, identity).catch(() => undefined);
  }
}

async function makeAll(client: MeilisearchClient, order: Order, o: RebuildOptions): Promise<Made[]> {
  const { dataset, target, destination, identity, parts } = order;
  const made: Made[] = [];
  let bytes = 0;
  for (const [number, name] of parts.entries()) {
    const source = dataset.rebuild[name];
    if (source === undefined) throw new AppError('internal.bug', `no rows are named for index ${name}`);
    const place = toPrefix(destination) + name;
    const fresh = toFreshName(identity, number);
    const isReplaced = (await client.findIndex(place)) !== undefined;
    await client.done(client.createIndex(fresh, source.primaryKey));
    const { createdAt } = await client.loadIndex(fresh);
    const known = source.settings ?? (isReplaced ? hideSecrets(await client.settings(place)).settings : {});
    const settings = withSecrets(known, (target.embedderSecrets[name] ?? {}) as JsonObject);
    if (Object.keys(known).length > 0) await client.done(client.changeSettings(fresh, settings));
    const rows = await fill(client, { fresh, source }, o.signal, (more) => {
      bytes += more;
      o.onProgress({ stage: `index ${name}`, bytes, totalBytes: null });
    });
    const documents = await countAll(client, { name, fresh, rows });
    // A document that comes after another attempt removed the index makes one of the same name anew.
    if ((await client.loadIndex(fresh)).createdAt !== createdAt)
      throw new AppError('claim.lost', `index ${fresh} was removed while it was filled`);
    made.push({ name, place, fresh, documents, isReplaced });
  }
  return made;
}

async function fill(
  client: MeilisearchClient,
  { fresh, source }: { readonly fresh: string; readonly source: RebuildSource },
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const queue = new DocumentsQueue(client, fresh);
  let count = 0;
  onBytes(0);
  for await (const { lines, rows } of readRows(source, signal)) {
    await queue.add(lines);
    count += rows;
    onBytes(Buffer.byteLength(lines));
  }
  await queue.end();
  return count;
}

/** Rows of one id overwrite each other in silence. Throws: search.source. */
async function countAll(
  client: MeilisearchClient,
  { name, fresh, rows }: { readonly name: string; readonly fresh: string; readonly rows: number },
): Promise<number> {
  const documents = await client.countDocuments(fresh);
  if (documents === rows) return documents;
  const said = `the query of index ${name} returns ${rows} rows, which make ${documents} documents: some have the same id`;
  throw new AppError('search.source', said, { index: name, rows, documents });
}
