import { isExactNumber } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError } from '../api-error.js';
import { pick, toOrder } from '../attributes.js';
import { toPredicate } from '../filter.js';
import {
  accepted,
  type Call,
  checkContentType,
  checkQuery,
  ok,
  parsePayload,
  type Route,
  readJson,
  readObject,
} from '../http.js';
import { embeddersOf } from '../settings.js';
import type { StoredIndex } from '../stored-index.js';
import { toSummary } from '../task.js';
import { toShownVectors, VECTORS } from '../vectors.js';
import { findIndex, indexUidOf } from './index-routes.js';

const listParameters = ['offset', 'limit', 'fields', 'retrieveVectors', 'filter', 'ids', 'sort'];

interface ListQuery {
  readonly offset: number;
  readonly limit: number;
  readonly fields: readonly string[] | undefined;
  readonly retrieveVectors: boolean;
  readonly filter: Json | undefined;
  readonly ids: readonly string[] | undefined;
  readonly sort: readonly string[];
}

/** A document as the API shows it: with its vectors in full, or without any. */
export function toShown(
  index: StoredIndex,
  document: JsonObject,
  o: { fields?: readonly string[] | undefined; retrieveVectors: boolean },
) {
  const { [VECTORS]: _, ...plain } = document;
  const shown = pick(plain, o.fields);
  return o.retrieveVectors ? { ...shown, [VECTORS]: toShownVectors(document, embeddersOf(index.settings)) } : shown;
}

function list(call: Call, query: ListQuery) {
  const index = findIndex(call);
  const matches = toPredicate(query.filter, {
    ...{ settings: index.settings, features: call.store.features, code: 'invalid_document_filter' },
  });
  const ids = query.ids === undefined ? undefined : new Set(query.ids);
  const found = [...index.documents]
    .filter(([id, document]) => (ids === undefined || ids.has(id)) && matches(document))
    .map(([, document]) => document);
  if (query.sort.length > 0) found.sort(toOrder(query.sort));
  const { offset, limit } = query;
  const results = found.slice(offset, offset + limit).map((document) => toShown(index, document, query));
  return ok({ results, offset, limit, total: found.length });
}

const split = (text: string | null): string[] | undefined =>
  text === null ? undefined : text.split(',').map((part) => part.trim());

function listByQuery(call: Call) {
  checkQuery(call.query, listParameters);
  const count = (name: 'offset' | 'limit', standard: number) => {
    const text = call.query.get(name);
    return text === null
      ? standard
      : toCount(/^\d+$/.test(text) ? Number(text) : text, name, ` in parameter \`${name}\``);
  };
  return list(call, {
    offset: count('offset', 0),
    limit: count('limit', 20),
    fields: split(call.query.get('fields')),
    retrieveVectors: readFlag(call.query, 'retrieveVectors'),
    filter: call.query.get('filter') ?? undefined,
    ids: split(call.query.get('ids')),
    sort: split(call.query.get('sort')) ?? [],
  });
}

function listByBody(call: Call) {
  const body = readObject(call, listParameters);
  return list(call, {
    offset: toCount(body['offset'] ?? 0, 'offset', ' type at `.offset`'),
    limit: toCount(body['limit'] ?? 20, 'limit', ' type at `.limit`'),
    fields: (body['fields'] ?? undefined) as string[] | undefined,
    retrieveVectors: body['retrieveVectors'] === true,
    filter: body['filter'] ?? undefined,
    ids: (body['ids'] as Json[] | null | undefined)?.map(toIdText),
    sort: (body['sort'] ?? []) as string[],
  });
}

function toCount(value: Json, name: 'offset' | 'limit', where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new ApiError(
    `invalid_document_${name}`,
    `Invalid value${where}: could not parse \`${String(value)}\` as a positive integer`,
  );
}

function readFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ApiError(
    'invalid_document_retrieve_vectors',
    `Invalid value in parameter \`${name}\`: could not parse \`${text}\` as a boolean, expected either \`true\` or \`false\``,
  );
}

function getOne(call: Call) {
  checkQuery(call.query, ['fields', 'retrieveVectors']);
  const index = findIndex(call);
  const id = call.path['id'] ?? '';
  const document = index.documents.get(id);
  if (document === undefined) throw new ApiError('document_not_found', `Document \`${id}\` not found.`);
  return ok(
    toShown(index, document, {
      fields: split(call.query.get('fields')),
      retrieveVectors: readFlag(call.query, 'retrieveVectors'),
    }),
  );
}

function put(call: Call, isUpdate: boolean) {
  const indexUid = indexUidOf(call);
  checkQuery(call.query, ['primaryKey']);
  const documents = readDocuments(call);
  const content = { documents, isUpdate, primaryKey: call.query.get('primaryKey') };
  const details = { receivedDocuments: documents.length };
  return accepted(toSummary(call.queue.add({ type: 'documentAdditionOrUpdate', indexUid, details, content })));
}

/** One document, a list of them, or one a line. */
function readDocuments({ body, contentType }: Call): readonly JsonObject[] {
  const type = checkContentType(contentType, ['application/json', 'application/x-ndjson']);
  const kind = type === 'application/json' ? 'json' : 'ndjson';
  const text = body.toString('utf8');
  if (text.trim() === '') throw new ApiError('missing_payload', `A ${kind} payload is missing.`);
  const lines = kind === 'json' ? [text] : text.split('\n').filter((line) => line.trim() !== '');
  const documents = lines.map((line) => parsePayload(line, kind)).flatMap((value): readonly Json[] => [value].flat());
  if (documents.every((value) => value !== null && typeof value === 'object' && !isExactNumber(value)))
    return documents as readonly JsonObject[];
  throw new ApiError(
    'malformed_payload',
    `The ${kind} payload provided is malformed. \`a document has to be an object\`.`,
  );
}

const toIdText = (id: Json): string => (isExactNumber(id) ? id.rawJSON : String(id));

function remove(call: Call, { ids, filter }: { readonly ids?: readonly string[]; readonly filter?: Json }) {
  const indexUid = indexUidOf(call);
  const originalFilter = filter === undefined ? null : JSON.stringify(filter);
  const content = { ...(ids === undefined ? {} : { ids }), ...(filter === undefined ? {} : { filter }) };
  const details = { providedIds: ids?.length ?? 0, originalFilter };
  return accepted(toSummary(call.queue.add({ type: 'documentDeletion', indexUid, details, content })));
}

function removeByFilter(call: Call) {
  const { filter } = readObject(call, ['filter']);
  if (filter === undefined) throw new ApiError('missing_document_filter', 'Missing field `filter`');
  if (filter === null || filter === '' || (Array.isArray(filter) && filter.length === 0))
    throw new ApiError('invalid_document_filter', 'Sending an empty filter is forbidden.');
  return remove(call, { filter });
}

function removeBatch(call: Call) {
  const ids = readJson(call);
  if (!Array.isArray(ids)) throw new ApiError('bad_request', 'Json deserialize error: expected a sequence');
  return remove(call, { ids: ids.map(toIdText) });
}

const documents = '/indexes/:index/documents';

export const documentRoutes: readonly Route[] = [
  { method: 'GET', pattern: documents, action: 'documents.get', handle: listByQuery },
  { method: 'POST', pattern: `${documents}/fetch`, action: 'documents.get', handle: listByBody },
  { method: 'GET', pattern: `${documents}/:id`, action: 'documents.get', handle: getOne },
  { method: 'POST', pattern: documents, action: 'documents.add', handle: (call) => put(call, false) },
  { method: 'PUT', pattern: documents, action: 'documents.add', handle: (call) => put(call, true) },
  { method: 'DELETE', pattern: documents, action: 'documents.delete', handle: (call) => remove(call, {}) },
  { method: 'POST', pattern: `${documents}/delete`, action: 'documents.delete', handle: removeByFilter },
  { method: 'POST', pattern: `${documents}/delete-batch`, action: 'documents.delete', handle: removeBatch },
  {
    method: 'DELETE',
    pattern: `${documents}/:id`,
    action: 'documents.delete',
    handle: (call) => remove(call, { ids: [call.path['id'] ?? ''] }),
  },
];
