import type { JsonObject } from '#common/domain/json.js';
import { ApiError } from '../api-error.js';
import { accepted, type Call, checkQuery, ok, type Route, readObject, toPage } from '../http.js';
import { refused } from '../keys.js';
import type { StoredIndex } from '../stored-index.js';
import { toSummary } from '../task.js';

/** The index that the path names. Throws `invalid_api_key` for one that the key does not cover, `index_not_found` for none. */
export function findIndex(call: Call): StoredIndex {
  const uid = indexUidOf(call);
  const index = call.store.indexes.get(uid);
  if (index === undefined) throw new ApiError('index_not_found', `Index \`${uid}\` not found.`);
  return index;
}

/** The index that the path names, be there one or not. */
export function indexUidOf({ path, access }: Call): string {
  const uid = checkUid(path['index'] ?? '');
  if (!access.mayUse(uid)) throw refused();
  return uid;
}

export function checkUid(uid: string): string {
  if (/^[a-zA-Z0-9_-]{1,400}$/.test(uid)) return uid;
  throw new ApiError(
    'invalid_index_uid',
    `\`${uid}\` is not a valid index uid. Index uid can be an integer or a string containing only alphanumeric characters, hyphens (-) and underscores (_), and can not be more than 400 bytes.`,
  );
}

function listIndexes({ store, access, query }: Call) {
  checkQuery(query, ['offset', 'limit']);
  const views = [...store.indexes.values()]
    .filter(({ uid }) => access.mayUse(uid))
    .sort((a, b) => (a.uid < b.uid ? -1 : 1))
    .map(({ view }) => view);
  return ok(toPage(views, query, { offset: 'invalid_index_offset', limit: 'invalid_index_limit' }));
}

function createIndex(call: Call) {
  const body = readObject(call, ['uid', 'primaryKey']);
  if (body['uid'] === undefined) throw new ApiError('missing_index_uid', 'Missing field `uid`');
  const uid = checkUid(String(body['uid']));
  if (!call.access.mayUse(uid)) throw refused();
  const primaryKey = readPrimaryKey(body) ?? null;
  const task = call.queue.add({
    type: 'indexCreation',
    indexUid: uid,
    details: { primaryKey },
    content: { primaryKey },
  });
  return accepted(toSummary(task));
}

function updateIndex(call: Call) {
  const indexUid = indexUidOf(call);
  const body = readObject(call, ['uid', 'primaryKey']);
  const primaryKey = readPrimaryKey(body) ?? null;
  const uid = body['uid'] === undefined ? undefined : checkUid(String(body['uid']));
  const renamed: JsonObject = uid === undefined ? {} : { oldIndexUid: indexUid, newIndexUid: uid };
  const content = { ...(primaryKey === null ? {} : { primaryKey }), ...(uid === undefined ? {} : { uid }) };
  return accepted(
    toSummary(call.queue.add({ type: 'indexUpdate', indexUid, details: { primaryKey, ...renamed }, content })),
  );
}

function readPrimaryKey({ primaryKey }: JsonObject): string | undefined {
  if (primaryKey === undefined || primaryKey === null) return undefined;
  if (typeof primaryKey === 'string') return primaryKey;
  throw new ApiError('invalid_index_primary_key', 'Invalid value type at `.primaryKey`: expected a string');
}

function deleteIndex(call: Call) {
  const indexUid = indexUidOf(call);
  return accepted(toSummary(call.queue.add({ type: 'indexDeletion', indexUid, details: {}, content: {} })));
}

function swapIndexes(call: Call) {
  const body = JSON.parse(call.body.toString('utf8') || 'null') as unknown;
  if (!Array.isArray(body)) throw new ApiError('bad_request', 'Invalid value type: expected an array');
  const seen = new Set<string>();
  const swaps = body.map(({ indexes, rename = false }: { indexes?: string[]; rename?: boolean }) => {
    if (indexes === undefined) throw new ApiError('missing_swap_indexes', 'Missing field `indexes`');
    checkPair(indexes, seen);
    if (!indexes.every((uid) => call.access.mayUse(uid))) throw refused();
    return { indexes, rename };
  });
  const content = { swaps } as unknown as JsonObject;
  return accepted(toSummary(call.queue.add({ type: 'indexSwap', indexUid: null, details: content, content })));
}

function checkPair(indexes: readonly string[], seen: Set<string>): void {
  if (indexes.length !== 2) {
    const list = indexes.map((uid) => JSON.stringify(uid)).join(', ');
    throw new ApiError(
      'invalid_swap_indexes',
      `Two indexes must be given for each swap. The list \`[${list}]\` contains ${indexes.length} indexes.`,
    );
  }
  for (const uid of indexes.map(checkUid)) {
    if (seen.has(uid)) {
      throw new ApiError(
        'invalid_swap_duplicate_index_found',
        `Indexes must be declared only once during a swap. \`${uid}\` was specified several times.`,
      );
    }
    seen.add(uid);
  }
}

export const indexRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/indexes', action: 'indexes.get', handle: listIndexes },
  { method: 'POST', pattern: '/indexes', action: 'indexes.create', handle: createIndex },
  { method: 'GET', pattern: '/indexes/:index', action: 'indexes.get', handle: (call) => ok(findIndex(call).view) },
  { method: 'PATCH', pattern: '/indexes/:index', action: 'indexes.update', handle: updateIndex },
  { method: 'DELETE', pattern: '/indexes/:index', action: 'indexes.delete', handle: deleteIndex },
  { method: 'POST', pattern: '/swap-indexes', action: 'indexes.swap', handle: swapIndexes },
];
