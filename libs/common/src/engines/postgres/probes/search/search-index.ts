import { text } from 'node:stream/consumers';
import { Meilisearch, MeilisearchApiError, MeilisearchRequestError, type RequestOptions } from 'meilisearch';
import { parseExactJson } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import { AppError } from '#common/errors/app-error.js';
import { toReason } from '#common/probes/silence.js';

const PAGE_SIZE = 1_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface SearchIndexOptions {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly index: string;
  readonly signal: AbortSignal;
}

/** One Meilisearch index, read. Every method throws: search.unreachable. */
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
    const statuses: ['enqueued', 'processing'] = ['enqueued', 'processing'];
    const [own, swaps] = await this.ask(() =>
      Promise.all([
        this.client.tasks.getTasks({ indexUids: [this.options.index], statuses, limit: 1 }),
        this.client.tasks.getTasks({ types: ['indexSwap'], statuses, limit: 1 }),
      ]),
    );
    return own.total + swaps.total;
  }

  /** Changes with every change of the index, or swap, that a client asks for. */
  async lastTask(): Promise<string> {
    const [own, swaps] = await this.ask(() =>
      Promise.all([
        this.client.tasks.getTasks({ indexUids: [this.options.index], limit: 1 }),
        this.client.tasks.getTasks({ types: ['indexSwap'], limit: 1 }),
      ]),
    );
    return `${own.results[0]?.uid ?? 'none'}/${swaps.results[0]?.uid ?? 'none'}`;
  }

  /** Undefined when there is no such index. */
  async findCount(): Promise<number | undefined> {
    const stats = await this.findOrUndefined('index_not_found', () => this.client.index(this.options.index).getStats());
    return stats?.numberOfDocuments;
  }

  /** All documents, a page at a time, reduced to some fields. Numbers keep their digits. */
  async *pages(fields: readonly string[]): AsyncIterable<readonly JsonObject[]> {
    for (let offset = 0; ; offset += PAGE_SIZE) {
      const page = await this.ask(() =>
        this.readExactly('POST', { path: `${this.path}/fetch`, body: { offset, limit: PAGE_SIZE, fields } }),
      );
      const results = (page as JsonObject)['results'] as readonly JsonObject[];
      if (results.length > 0) yield results;
      if (results.length < PAGE_SIZE) return;
    }
  }

  async findDocument(id: string, fields: readonly string[]): Promise<JsonObject | undefined> {
    const request = { path: `${this.path}/${encodeURIComponent(id)}`, params: { fields: fields.join(',') } };
    const found = await this.findOrUndefined('document_not_found', () => this.readExactly('GET', request));
    return found as JsonObject | undefined;
  }

  private get path(): string {
    return `indexes/${encodeURIComponent(this.options.index)}/documents`;
  }

  /** The client's own methods parse with JSON.parse, which loses digits: its streams are the way to the text. */
  private async readExactly(method: 'GET' | 'POST', request: RequestOptions): Promise<Json> {
    const signal = AbortSignal.any([this.options.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    const options = { ...request, extraRequestInit: { signal } };
    const http = this.client.httpRequest;
    const stream = await (method === 'GET' ? http.getStream(options) : http.postStream(options));
    return parseExactJson(await text(stream));
  }

  private async findOrUndefined<T>(code: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.ask(work);
    } catch (error) {
      if (error instanceof MeilisearchApiError && error.cause?.code === code) return undefined;
      throw error;
    }
  }

  private async ask<T>(work: () => Promise<T>): Promise<T> {
    this.options.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      this.options.signal.throwIfAborted();
      throw toUnreachable(error, new URL(this.options.url).host);
    }
  }
}

/** No answer, or one of another program, like a proxy's. The API's own errors stay what they are. */
function toUnreachable(error: unknown, host: string): unknown {
  if (error instanceof SyntaxError)
    return new AppError('search.unreachable', `what answers at ${host} is no Meilisearch: its answer is not JSON`);
  const isSilent = error instanceof MeilisearchRequestError || (error as Error).name === 'TimeoutError';
  if (!isSilent) return error;
  return new AppError('search.unreachable', `the search server at ${host} does not answer: ${toReason(error)}`, {
    host,
  });
}
