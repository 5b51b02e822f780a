import type { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { splitPage } from './split-page.js';

const MAX_LIMIT = 5_000;
/** What a page aims at: documents may be a line or a megabyte with its vectors. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** Every document of an index as its own text, a page at a time: memory does not grow with the index. One page more may be empty. */
export async function* readPages(client: MeilisearchClient, uid: string): AsyncGenerator<readonly Buffer[]> {
  let limit = toLimit(await client.averageBytes(uid));
  for (let offset = 0; ; ) {
    const page = await client.documents(uid, offset, limit);
    const documents = splitPage(page);
    yield documents;
    if (documents.length < limit) return;
    offset += documents.length;
    limit = toLimit(page.length / documents.length);
  }
}

const toLimit = (averageBytes: number): number =>
  Math.max(1, Math.min(MAX_LIMIT, Math.floor(PAGE_BYTES / Math.max(1, averageBytes))));
