import type { Readable } from 'node:stream';
import { parseExactJson } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import { DocumentsDigest, digestOf } from '#common/engines/meilisearch/documents/digest.js';
import { readPages } from '#common/engines/meilisearch/documents/read-pages.js';
import type { IndexFacts } from '#common/engines/meilisearch/documents-facts.js';
import { hideSecrets, withSecrets } from '#common/engines/meilisearch/embedder-secrets.js';
import type { IndexView, MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { AppError } from '#common/errors/app-error.js';
import { DocumentsQueue } from './documents-queue.js';

/** Well below the 100 MB that a server takes in one request unless it is configured otherwise. */
const BATCH_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface FillOptions {
  readonly open: () => Promise<Readable>;
  readonly source: IndexFacts;
  /** Under this name the index is made. */
  readonly uid: string;
  /** By embedder. */
  readonly secrets: JsonObject;
  readonly onBytes: (bytes: number) => void;
}

/** Makes an index of what a backup holds of one. Throws: backup.corrupt, meilisearch.*; what the stream throws. */
export async function fillIndex(client: MeilisearchClient, o: FillOptions): Promise<IndexView> {
  const { source, uid } = o;
  await client.done(client.createIndex(uid, source.primaryKey));
  const made = await client.loadIndex(uid);
  const queue = new DocumentsQueue(client, uid);
  let isBegun = false;
  for await (const batch of toBatches(await o.open(), source)) {
    let lines = batch;
    if (!isBegun) {
      const end = batch.indexOf('\n') + 1;
      await client.done(client.changeSettings(uid, withSecrets(toSettings(batch.slice(0, end), source), o.secrets)));
      lines = batch.slice(end);
      isBegun = true;
    }
    if (lines === '') continue;
    await queue.add(lines);
    o.onBytes(Buffer.byteLength(batch));
  }
  if (!isBegun) throw corrupt(source);
  await queue.end();
  return made;
}

/**
 * Holds a filled index against the backup, all of it. Throws: meilisearch.unequal, also where it is not the index that was made: a
 * document that comes after an index was removed makes a new one.
 */
export async function assertEqual(client: MeilisearchClient, made: IndexView, source: IndexFacts): Promise<void> {
  const { createdAt, primaryKey } = await client.loadIndex(made.uid);
  const differences = [
    ...(createdAt === made.createdAt && primaryKey === source.primaryKey ? [] : ['the index itself']),
    ...(await compareIndex(client, made.uid, source)),
  ];
  if (differences.length === 0) return;
  const said = `index ${source.name} did not come back equal: ${differences.join(', ')}`;
  throw new AppError('meilisearch.unequal', said, { index: source.name });
}

/** What differs, for people. */
export async function compareIndex(client: MeilisearchClient, uid: string, source: IndexFacts): Promise<string[]> {
  const { settings } = hideSecrets(await client.settings(uid));
  const digest = new DocumentsDigest();
  for await (const documents of readPages(client, uid)) for (const each of documents) digest.add(each);
  return [
    ...(digestOf(settings) === source.settingsSha256 ? [] : ['other settings']),
    ...(digest.count === source.documents ? [] : [`${digest.count} documents instead of ${source.documents}`]),
    ...(digest.count !== source.documents || digest.sha256 === source.sha256 ? [] : ['other documents']),
  ];
}

/** Whole lines, from where the reading that counts begins; the first batch begins with its first line. */
async function* toBatches(stream: Readable, source: IndexFacts): AsyncGenerator<string> {
  let toSkip = source.startByte;
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const rest = chunk.subarray(Math.min(toSkip, chunk.length));
    toSkip -= chunk.length - rest.length;
    held.push(rest);
    heldBytes += rest.length;
    const end = heldBytes < BATCH_BYTES ? 0 : rest.lastIndexOf(NEWLINE) + 1;
    if (end === 0) continue;
    const over = rest.subarray(end);
    yield Buffer.concat(held, heldBytes - over.length).toString('utf8');
    [held, heldBytes] = [[over], over.length];
  }
  if (heldBytes > 0) yield Buffer.concat(held).toString('utf8');
}

function toSettings(line: string, source: IndexFacts): JsonObject {
  let parsed: Json;
  try {
    parsed = parseExactJson(line);
  } catch {
    throw corrupt(source);
  }
  const [mark, , , settings] = Array.isArray(parsed) ? (parsed as readonly Json[]) : [];
  if (mark !== 'index' || settings === null || typeof settings !== 'object') throw corrupt(source);
  return settings as JsonObject;
}

const corrupt = ({ object, startByte }: IndexFacts): AppError =>
  new AppError('backup.corrupt', `${object} does not hold an index at byte ${startByte}`);
