import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '#common/domain/json.js';
import { ApiError } from './api-error.js';
import type { ApiKey } from './api-key.js';
import { type Features, noFeatures } from './features.js';
import { Journal } from './journal.js';
import { mergeSettings } from './settings.js';
import { StoredIndex } from './stored-index.js';
import { isDone, type Task, type TaskContent, withOutcome } from './task.js';
import { doWork, type WorkState } from './task-work.js';

/** What the journal's lines say. The last five are a whole state, as a compaction writes it. */
type Entry =
  | { readonly entry: 'accepted'; readonly task: Task; readonly content: TaskContent }
  | { readonly entry: 'done'; readonly task: Task }
  | { readonly entry: 'key'; readonly key: ApiKey }
  | { readonly entry: 'key-gone'; readonly uid: string }
  | { readonly entry: 'features'; readonly features: Features }
  | { readonly entry: 'index'; readonly index: JsonObject; readonly settings: JsonObject }
  | {
      readonly entry: 'documents';
      readonly index: string;
      readonly documents: readonly (readonly [string, JsonObject])[];
    }
  | { readonly entry: 'past'; readonly task: Task }
  | { readonly entry: 'next'; readonly uid: number; readonly batch: number };

const DOCUMENTS_PER_LINE = 500;
/** A journal that grows beyond this, and to twice what the last compaction left, is written anew. */
const COMPACT_AT_BYTES = 64 << 20;

/** Where files come to lie that the API asks for. */
export type FileFolders = { readonly [kind in 'dump' | 'snapshot']?: string | undefined };

/** Everything that the stand-in holds: in memory, with the journal behind it. */
export class Store implements WorkState {
  readonly indexes = new Map<string, StoredIndex>();
  readonly tasks = new Map<number, Task>();
  readonly contents = new Map<number, TaskContent>();
  readonly keys = new Map<string, ApiKey>();
  features: Features = noFeatures;
  nextUid = 0;
  nextBatch = 0;
  private compactedBytes = 0;

  private constructor(
    private readonly journal: Journal,
    private readonly folders: FileFolders,
  ) {}

  /** Reads the journal: what was done is done again, in its order; what was accepted and not done waits again. */
  static async open(journal: Journal, folders: FileFolders = {}): Promise<Store> {
    const store = new Store(journal, folders);
    for (const entry of journal.read() as unknown as Entry[]) await store.replay(entry);
    store.compact();
    return store;
  }

  get sizeBytes(): number {
    return this.journal.sizeBytes;
  }

  accept(task: Task, content: TaskContent): void {
    this.remember({ entry: 'accepted', task, content });
    this.take(task, content);
  }

  /** The task has ended, in one of the three ways. */
  settle(task: Task): void {
    this.remember({ entry: 'done', task });
    this.contents.delete(task.uid);
    if (this.journal.sizeBytes > Math.max(COMPACT_AT_BYTES, 2 * this.compactedBytes)) this.compact();
  }

  putKey(key: ApiKey): void {
    this.remember({ entry: 'key', key });
    this.keys.set(key.uid, key);
  }

  removeKey(uid: string): void {
    this.remember({ entry: 'key-gone', uid });
    this.keys.delete(uid);
  }

  setFeatures(features: Features): void {
    this.remember({ entry: 'features', features });
    this.features = features;
  }

  /** Part of a `taskCancelation`, whose own line in the journal brings this about again. */
  cancelTask(uid: number, by: Task): void {
    const task = this.tasks.get(uid);
    if (task === undefined) return;
    const details = withOutcome(task.type, task.details, 0);
    Object.assign(task, { status: 'canceled', canceledBy: by.uid, finishedAt: by.startedAt, details });
    this.contents.delete(uid);
  }

  forgetTask(uid: number): void {
    this.tasks.delete(uid);
  }

  writeFile(kind: 'dump' | 'snapshot', name: string): void {
    const folder = this.folders[kind];
    if (folder === undefined) throw new ApiError('internal', `the stand-in was started without --${kind}-dir`);
    mkdirSync(folder, { recursive: true });
    const written = new Journal(join(folder, `.${name}`));
    written.rewrite(this.snapshot());
    written.close();
    renameSync(join(folder, `.${name}`), join(folder, name));
  }

  private take(task: Task, content: TaskContent): void {
    this.tasks.set(task.uid, task);
    this.contents.set(task.uid, content);
    this.nextUid = Math.max(this.nextUid, task.uid + 1);
  }

  private remember(entry: Entry): void {
    this.journal.append(entry);
  }

  private async replay(entry: Entry): Promise<void> {
    if (entry.entry === 'accepted') this.take(entry.task, entry.content);
    else if (entry.entry === 'done') await this.replayDone(entry.task);
    else if (entry.entry === 'key') this.keys.set(entry.key.uid, entry.key);
    else if (entry.entry === 'key-gone') this.keys.delete(entry.uid);
    else if (entry.entry === 'features') this.features = entry.features;
    else if (entry.entry === 'past') this.tasks.set(entry.task.uid, entry.task);
    else if (entry.entry === 'documents') this.replayDocuments(entry.index, entry.documents);
    else if (entry.entry === 'index') this.replayIndex(entry.index, entry.settings);
    else [this.nextUid, this.nextBatch] = [entry.uid, entry.batch];
  }

  private async replayDone(done: Task): Promise<void> {
    const content = this.contents.get(done.uid) ?? {};
    this.nextBatch = Math.max(this.nextBatch, (done.batchUid ?? -1) + 1);
    const task = this.tasks.get(done.uid) ?? done;
    Object.assign(task, done);
    this.contents.delete(done.uid);
    if (done.status !== 'succeeded') return;
    const at = done.startedAt ?? done.enqueuedAt;
    const work = { state: this, task, content, at, signal: new AbortController().signal, isReplay: true };
    await doWork(work).catch((error: unknown) => {
      // An earlier stand-in did what this one refuses.
      if (!(error instanceof ApiError)) throw error;
      Object.assign(task, { status: 'failed', error: error.view });
    });
  }

  private replayIndex(view: JsonObject, settings: JsonObject): void {
    const { uid, primaryKey, createdAt, updatedAt } = view as unknown as StoredIndex['view'];
    const index = new StoredIndex(uid, primaryKey, createdAt, updatedAt);
    index.settings = mergeSettings({}, settings);
    this.indexes.set(uid, index);
  }

  private replayDocuments(uid: string, documents: readonly (readonly [string, JsonObject])[]): void {
    for (const [id, document] of documents) this.indexes.get(uid)?.documents.set(id, document);
  }

  private compact(): void {
    this.journal.rewrite(this.snapshot());
    this.compactedBytes = this.journal.sizeBytes;
  }

  private *snapshot(): Iterable<Entry> {
    yield { entry: 'features', features: this.features };
    for (const key of this.keys.values()) yield { entry: 'key', key };
    for (const index of this.indexes.values()) {
      yield { entry: 'index', index: index.view, settings: index.settings as JsonObject };
      const documents = [...index.documents];
      for (let at = 0; at < documents.length; at += DOCUMENTS_PER_LINE) {
        yield { entry: 'documents', index: index.uid, documents: documents.slice(at, at + DOCUMENTS_PER_LINE) };
      }
    }
    for (const task of this.tasks.values()) if (isDone(task)) yield { entry: 'past', task };
    for (const [uid, content] of this.contents) {
      const task = this.tasks.get(uid);
      if (task !== undefined)
        yield { entry: 'accepted', task: { ...task, status: 'enqueued', startedAt: null }, content };
    }
    yield { entry: 'next', uid: this.nextUid, batch: this.nextBatch };
  }
}
