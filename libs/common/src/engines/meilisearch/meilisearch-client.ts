import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Meilisearch, MeilisearchApiError, MeilisearchRequestError } from 'meilisearch';
import { parseExactJson } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import { toText } from '#common/errors/printable.js';
import { toReason } from '#common/probes/silence.js';
import { type MeilisearchConnection, placeOf } from './meilisearch-dataset.js';

const REQUEST_TIMEOUT_MS = 120_000;
const PAGE_SIZE = 1_000;
const FIRST_POLL_MS = 10;
const MAX_POLL_MS = 500;
const NDJSON = 'application/x-ndjson';

/** An index as the server lists it. A swap takes it to another name with the instant of its creation. */
export interface IndexView {
  readonly uid: string;
  readonly primaryKey: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface TaskView {
  readonly uid: number;
  readonly status: string;
  readonly type: string;
  readonly indexUid: string | null;
  readonly enqueuedAt: string;
  readonly startedAt?: string | null;
  readonly details?: JsonObject | null;
  readonly error: { readonly message: string; readonly code: string } | null;
}

type Params = Readonly<Record<string, string | number>>;

/** Every method throws: meilisearch.unreachable, meilisearch.denied, meilisearch.index-missing, meilisearch.refused; the abort reason. */
export class MeilisearchClient {
  readonly place: string;
  private readonly http: Meilisearch['httpRequest'];

  constructor(
    { url, apiKey }: MeilisearchConnection,
    private readonly signal: AbortSignal,
  ) {
    this.place = placeOf({ connection: { url, apiKey } });
    this.http = new Meilisearch({ host: url, ...(apiKey === undefined ? {} : { apiKey }) }).httpRequest;
  }

  async version(): Promise<string> {
    return toText(((await this.read('version')) as JsonObject)['pkgVersion']);
  }

  /** All of them, by name. */
  listIndexes(): Promise<IndexView[]> {
    return this.readAll('indexes') as Promise<unknown> as Promise<IndexView[]>;
  }

  async loadIndex(uid: string): Promise<IndexView> {
    return (await this.read(`indexes/${uid}`)) as unknown as IndexView;
  }

  async findIndex(uid: string): Promise<IndexView | undefined> {
    try {
      return await this.loadIndex(uid);
    } catch (error) {
      if (error instanceof AppError && error.code === 'meilisearch.index-missing') return undefined;
      throw error;
    }
  }

  async settings(uid: string): Promise<JsonObject> {
    return (await this.read(`indexes/${uid}/settings`)) as JsonObject;
  }

  async sizeBytes(uid: string): Promise<number> {
    return Number(((await this.read(`indexes/${uid}/stats`)) as JsonObject)['rawDocumentDbSize']);
  }

  async countDocuments(uid: string): Promise<number> {
    return Number(((await this.read(`indexes/${uid}/stats`)) as JsonObject)['numberOfDocuments']);
  }

  /** Of a document, without its vectors. */
  async averageBytes(uid: string): Promise<number> {
    return Number(((await this.read(`indexes/${uid}/stats`)) as JsonObject)['avgDocumentSize']);
  }

  /** A page as the server wrote it: every field, also those that no search shows, and every vector. */
  documents(uid: string, offset: number, limit: number): Promise<Buffer> {
    const request = { path: `indexes/${uid}/documents/fetch`, body: { offset, limit, retrieveVectors: true } };
    return this.ask(async (signal) => buffer(await this.http.postStream({ ...request, extraRequestInit: { signal } })));
  }

  /** What a role with fewer rights may not ask: undefined then. */
  async listIfAllowed(path: 'keys' | 'webhooks'): Promise<readonly JsonObject[] | undefined> {
    try {
      if (path === 'keys') return await this.readAll(path);
      return ((await this.read(path)) as JsonObject)['results'] as readonly JsonObject[];
    } catch (error) {
      const isTolerable = error instanceof AppError && TOLERABLE.has(error.code);
      if (isTolerable) return undefined;
      throw error;
    }
  }

  /** The newest first. */
  async tasks(params: Params): Promise<readonly TaskView[]> {
    return ((await this.read('tasks', params)) as JsonObject)['results'] as unknown as readonly TaskView[];
  }

  createIndex(uid: string, primaryKey: string | null): Promise<TaskView> {
    return this.enqueue((init) => this.http.post({ path: 'indexes', body: { uid, primaryKey }, ...init }));
  }

  /** On an index without documents, where it changes nothing but when the index was changed last. */
  renewPrimaryKey(uid: string, primaryKey: string): Promise<TaskView> {
    return this.enqueue((init) => this.http.patch({ path: `indexes/${uid}`, body: { primaryKey }, ...init }));
  }

  changeSettings(uid: string, body: JsonObject): Promise<TaskView> {
    return this.enqueue((init) => this.http.patch({ path: `indexes/${uid}/settings`, body, ...init }));
  }

  /** `lines`: a document each, as they are to be written. */
  addDocuments(uid: string, lines: string): Promise<TaskView> {
    const request = { path: `indexes/${uid}/documents`, body: lines, contentType: NDJSON };
    return this.enqueue((init) => this.http.post({ ...request, ...init }));
  }

  swap(pairs: readonly { readonly indexes: readonly [string, string]; readonly rename: boolean }[]): Promise<TaskView> {
    return this.enqueue((init) => this.http.post({ path: 'swap-indexes', body: pairs, ...init }));
  }

  /** Documents of every index of the server. */
  async listCounts(): Promise<{ readonly name: string; readonly documents: number }[]> {
    const indexes = ((await this.read('stats')) as JsonObject)['indexes'] as Readonly<Record<string, JsonObject>>;
    return Object.entries(indexes).map(([name, of]) => ({ name, documents: Number(of['numberOfDocuments']) }));
  }

  /** Of the whole server, into a directory of its own. */
  writeFile(kind: 'dump' | 'snapshot'): Promise<TaskView> {
    return this.enqueue((init) => this.http.post({ path: `${kind}s`, ...init }));
  }

  async cancel(task: number): Promise<void> {
    await this.enqueue((init) => this.http.post({ path: 'tasks/cancel', params: { uids: task }, ...init }));
  }

  /** An index that is gone already is gone. */
  async removeIndex(uid: string): Promise<void> {
    const task = await this.enqueue((init) => this.http.delete({ path: `indexes/${uid}`, ...init }));
    const ended = await this.end(task.uid);
    if (ended.status !== 'succeeded' && ended.error?.code !== 'index_not_found') throw toTaskError(ended);
  }

  /** Follows a task to its end. Throws: meilisearch.task-failed, with the server's own words. */
  async done(task: Promise<TaskView> | TaskView): Promise<TaskView> {
    const ended = await this.end((await task).uid);
    if (ended.status !== 'succeeded') throw toTaskError(ended);
    return ended;
  }

  /** In its last state, whatever that is. */
  async end(uid: number): Promise<TaskView> {
    for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(MAX_POLL_MS, waitMs * 1.5)) {
      const task = (await this.read(`tasks/${uid}`)) as unknown as TaskView;
      if (task.status !== 'enqueued' && task.status !== 'processing') return task;
      await sleep(waitMs, undefined, { signal: this.signal }).catch(() => this.signal.throwIfAborted());
    }
  }

  private async enqueue(
    send: (init: { readonly extraRequestInit: { readonly signal: AbortSignal } }) => Promise<unknown>,
  ): Promise<TaskView> {
    const answer = (await this.ask((signal) => send({ extraRequestInit: { signal } }))) as { taskUid: number };
    return { ...(answer as unknown as TaskView), uid: answer.taskUid };
  }

  private async readAll(path: string): Promise<JsonObject[]> {
    const all: JsonObject[] = [];
    for (;;) {
      const page = (await this.read(path, { offset: all.length, limit: PAGE_SIZE })) as JsonObject;
      const results = page['results'] as readonly JsonObject[];
      all.push(...results);
      if (results.length === 0 || all.length >= Number(page['total'])) return all;
    }
  }

  /** The client's own methods parse with JSON.parse, which loses digits: its streams are the way to the text. */
  private read(path: string, params: Params = {}): Promise<Json> {
    return this.ask(async (signal) => {
      const stream = await this.http.getStream({ path, params: { ...params }, extraRequestInit: { signal } });
      return parseExactJson((await buffer(stream)).toString('utf8'));
    });
  }

  private async ask<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    try {
      return await work(AbortSignal.any([this.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]));
    } catch (error) {
      this.signal.throwIfAborted();
      throw this.toError(error);
    }
  }

  private toError(error: unknown): unknown {
    const { place } = this;
    if (error instanceof SyntaxError)
      return new AppError('meilisearch.unreachable', `what answers at ${place} is no Meilisearch`, { place });
    if (error instanceof MeilisearchApiError) {
      const { status } = error.response;
      const { code = '', message = `HTTP ${status}` } = error.cause ?? {};
      const { pathname } = new URL(error.response.url);
      return new AppError(toCode(status, code), `${place} answers to ${pathname}: ${message}`, {
        place,
        status,
        error: code,
      });
    }
    const isSilent =
      error instanceof MeilisearchRequestError || ['TimeoutError', 'TypeError'].includes((error as Error).name);
    if (!isSilent) return error;
    return new AppError('meilisearch.unreachable', `${place} does not answer: ${toReason(error)}`, { place });
  }
}

/** A server that is older than the route says that there is none. */
const TOLERABLE: ReadonlySet<Code> = new Set(['meilisearch.denied', 'meilisearch.refused']);

function toCode(status: number, code: string): Code {
  if (status === 401 || status === 403) return 'meilisearch.denied';
  if (code === 'index_not_found') return 'meilisearch.index-missing';
  return status === 429 || status >= 502 ? 'meilisearch.unreachable' : 'meilisearch.refused';
}

export const toTaskError = ({ uid, type, indexUid, status, error }: TaskView): AppError =>
  new AppError(
    'meilisearch.task-failed',
    `task ${uid} (${type}${indexUid === null ? '' : ` of index ${indexUid}`}) ${status}: ${error?.message ?? 'no reason is given'}`,
    { task: uid, error: error?.code ?? null },
  );
