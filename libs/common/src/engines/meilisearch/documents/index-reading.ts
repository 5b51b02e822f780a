import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '#common/domain/json.js';
import type { IndexFacts } from '#common/engines/meilisearch/documents-facts.js';
import { hideSecrets } from '#common/engines/meilisearch/embedder-secrets.js';
import type { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { PickedIndex } from '#common/engines/meilisearch/pick-indexes.js';
import { AppError } from '#common/errors/app-error.js';
import { DocumentsDigest, digestOf } from './digest.js';
import { readPages } from './read-pages.js';

const MAX_READINGS = 20;
const QUIET_WAIT_MS = 5_000;
const POLL_MS = 20;

/** What has to be the same before and after a reading. */
interface Moment {
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly primaryKey: string | null;
  /** The last task that changed the index. */
  readonly task: number | null;
}

interface Reading {
  readonly settings: JsonObject;
  readonly secrets: readonly string[];
  readonly moment: Moment;
  readonly digest: DocumentsDigest;
}

/**
 * One index as lines: a list of name, primary key and settings, then every document. A server has no snapshot to read from, so a reading counts only
 * when the index was the same after it as before. Otherwise it begins anew behind what was written, which a restore passes over.
 */
export class IndexReading {
  private found: IndexFacts | undefined;
  private bytes = 0;

  constructor(
    private readonly client: MeilisearchClient,
    private readonly index: PickedIndex,
    readonly object: string,
    private readonly signal: AbortSignal,
  ) {}

  /** When all lines were read. */
  get facts(): IndexFacts {
    if (this.found === undefined) throw new Error(`index ${this.index.name} was not read to its end`);
    return this.found;
  }

  /** Throws: meilisearch.*. */
  async *lines(): AsyncGenerator<Buffer> {
    for (let times = 1; times <= MAX_READINGS; times += 1) {
      await this.untilQuiet();
      const startByte = this.bytes;
      const reading = await this.begin();
      yield this.toLines([this.toHeader(reading)]);
      if (!(yield* this.documentsOf(reading))) continue;
      this.found = this.toFacts(reading, startByte);
      return;
    }
    const said = `index ${this.index.view.uid} changed during each of ${MAX_READINGS} readings`;
    throw new AppError('meilisearch.changing', said, { index: this.index.view.uid });
  }

  /** Returns whether the index was the same all the time; stops when it was not. */
  private async *documentsOf(reading: Reading): AsyncGenerator<Buffer, boolean> {
    let pages = 0;
    for await (const documents of readPages(this.client, this.index.view.uid)) {
      pages += 1;
      for (const each of documents) reading.digest.add(each);
      if (documents.length > 0) yield this.toLines(documents);
      // One page is of one moment whatever happens around it, as long as settings and key are those that it came with.
      const isStill = pages === 1 ? await this.hasSameFrame(reading) : await this.isUnmoved(reading);
      if (!isStill) return false;
    }
    return true;
  }

  private async begin(): Promise<Reading> {
    const moment = await this.moment();
    const { settings, secrets } = hideSecrets(await this.client.settings(this.index.view.uid));
    return { settings, secrets, moment, digest: new DocumentsDigest() };
  }

  private async moment(): Promise<Moment> {
    const { uid } = this.index.view;
    const lastTask = { indexUids: uid, statuses: 'succeeded', limit: 1 };
    const [view, [task]] = await Promise.all([this.client.loadIndex(uid), this.client.tasks(lastTask)]);
    const { createdAt, updatedAt, primaryKey } = view;
    return { createdAt, updatedAt, primaryKey, task: task?.uid ?? null };
  }

  private async isUnmoved({ moment }: Reading): Promise<boolean> {
    return JSON.stringify(await this.moment()) === JSON.stringify(moment);
  }

  private async hasSameFrame({ moment, settings }: Reading): Promise<boolean> {
    const { uid } = this.index.view;
    const [view, now] = await Promise.all([this.client.loadIndex(uid), this.client.settings(uid)]);
    const isSameIndex = view.createdAt === moment.createdAt && view.primaryKey === moment.primaryKey;
    return isSameIndex && digestOf(hideSecrets(now).settings) === digestOf(settings);
  }

  /** A reading that begins while tasks wait is likely in vain; an index that is never quiet is read all the same. */
  private async untilQuiet(): Promise<void> {
    const statuses = 'enqueued,processing';
    for (let waitedMs = 0; waitedMs < QUIET_WAIT_MS; waitedMs += POLL_MS) {
      if ((await this.client.tasks({ indexUids: this.index.view.uid, statuses, limit: 1 })).length === 0) return;
      await sleep(POLL_MS, undefined, { signal: this.signal }).catch(() => this.signal.throwIfAborted());
    }
  }

  /** A list, which no document is: by it a person finds where a reading begins. */
  private toHeader({ settings, moment }: Reading): Buffer {
    return Buffer.from(JSON.stringify(['index', this.index.name, moment.primaryKey, settings]));
  }

  private toLines(parts: readonly Buffer[]): Buffer {
    const lines = Buffer.concat(parts.flatMap((part) => [part, NEWLINE]));
    this.bytes += lines.length;
    return lines;
  }

  private toFacts({ settings, secrets, moment, digest }: Reading, startByte: number): IndexFacts {
    return {
      ...{ name: this.index.name, object: this.object, startByte, sizeBytes: this.bytes - startByte },
      ...{ primaryKey: moment.primaryKey, documents: digest.count, sha256: digest.sha256 },
      ...{ settingsSha256: digestOf(settings), secrets: [...secrets], updatedAt: moment.updatedAt },
    };
  }
}

const NEWLINE = Buffer.from('\n');
