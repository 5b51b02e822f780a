import { Meilisearch, MeilisearchApiError } from 'meilisearch';
import type { Json, JsonObject } from '#common/domain/json.js';

const PAGE_SIZE = 1_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface SearchIndexOptions {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly index: string;
  readonly signal: AbortSignal;
}

/** One Meilisearch index, read. */
export class SearchIndex {
  private readonly client: Meilisearch;

  constructor(private readonly options: SearchIndexOptions) {
    const { url, apiKey } = options;
    this.client = new Meilisearch({
      host: url,
      ...(apiKey === undefined ? {} : { apiKey }),
      timeout: REQUEST_TIMEOUT_MS,
    });
  }

  /** Tasks that may still change the index. A swap names its indexes in its details only, so every pending swap counts. */
  async pendingTasks(): Promise<number> {
    this.options.signal.throwIfAborted();
    const statuses: ['enqueued', 'processing'] = ['enqueued', 'processing'];
    const [own, swaps] = await Promise.all([
      this.client.tasks.getTasks({ indexUids: [this.options.index], statuses, limit: 1 }),
      this.client.tasks.getTasks({ types: ['indexSwap'], statuses, limit: 1 }),
    ]);
    return own.total + swaps.total;
  }

  /** Changes whenever anybody asked for a change of the index, or for a swap. */
  async lastTask(): Promise<string> {
    this.options.signal.throwIfAborted();
    const [own, swaps] = await Promise.all([
      this.client.tasks.getTasks({ indexUids: [this.options.index], limit: 1 }),
      this.client.tasks.getTasks({ types: ['indexSwap'], limit: 1 }),
    ]);
    return `${own.results[0]?.uid ?? 'none'}/${swaps.results[0]?.uid ?? 'none'}`;
  }

  /** Undefined when there is no such index. */
  async findCount(): Promise<number | undefined> {
    this.options.signal.throwIfAborted();
    try {
      const stats = await this.client.index(this.options.index).getStats();
      return stats.numberOfDocuments;
    } catch (error) {
      if (isCode(error, 'index_not_found')) return undefined;
      throw error;
    }
  }

  /** All documents, a page at a time, reduced to some fields. */
  async *pages(fields: readonly string[]): AsyncIterable<readonly JsonObject[]> {
    for (let offset = 0; ; offset += PAGE_SIZE) {
      this.options.signal.throwIfAborted();
      const page = await this.client
        .index(this.options.index)
        .getDocuments<Record<string, Json>>({ offset, limit: PAGE_SIZE, fields: [...fields] });
      if (page.results.length > 0) yield page.results;
      if (page.results.length < PAGE_SIZE) return;
    }
  }

  async findDocument(id: string, fields: readonly string[]): Promise<JsonObject | undefined> {
    this.options.signal.throwIfAborted();
    try {
      return await this.client.index<Record<string, Json>>(this.options.index).getDocument(id, { fields: [...fields] });
    } catch (error) {
      if (isCode(error, 'document_not_found')) return undefined;
      throw error;
    }
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof MeilisearchApiError && error.cause?.code === code;
