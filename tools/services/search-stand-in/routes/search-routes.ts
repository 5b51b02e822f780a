import { randomUUID } from 'node:crypto';
import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError, notInStandIn } from '../api-error.js';
import { covers, pick, toOrder } from '../attributes.js';
import { toPredicate } from '../filter.js';
import { type Call, ok, type Route, readObject } from '../http.js';
import { namesIn, type Settings, toFullSettings } from '../settings.js';
import type { StoredIndex } from '../stored-index.js';
import { toShown } from './document-routes.js';
import { findIndex } from './index-routes.js';

const parameters = [
  ...['q', 'offset', 'limit', 'filter', 'sort', 'attributesToRetrieve', 'matchingStrategy', 'retrieveVectors'],
];
/** Parameters of the API that change an answer in ways that the stand-in does not know. */
const unknown = [
  ...['page', 'hitsPerPage', 'facets', 'attributesToHighlight', 'attributesToCrop', 'attributesToSearchOn', 'distinct'],
  ...['hybrid', 'vector', 'media', 'locales', 'rankingScoreThreshold', 'showRankingScore', 'showRankingScoreDetails'],
  ...['showMatchesPosition', 'cropLength', 'cropMarker', 'highlightPreTag', 'highlightPostTag', 'personalize'],
];

async function search(call: Call) {
  const startedAt = performance.now();
  const index = findIndex(call);
  const body = readObject(call, [...parameters, ...unknown]);
  const strange = Object.keys(body).find((name) => unknown.includes(name));
  if (strange !== undefined) throw notInStandIn(`\`${strange}\` in a search`);
  const q = readText(body);
  const matches = toPredicate(body['filter'], {
    ...{ settings: index.settings, features: call.store.features, code: 'invalid_search_filter' },
  });
  const found = (await findByText(index, q, body['matchingStrategy'])).filter(matches);
  const sort = readSort(body, index.settings);
  if (sort.length > 0) found.sort(toOrder(sort));
  const [offset, limit] = [readCount(body, 'offset', 0), readCount(body, 'limit', 20)];
  const { maxTotalHits } = toFullSettings(index.settings)['pagination'] as { maxTotalHits: number };
  const hits = found.slice(0, maxTotalHits).slice(offset, offset + limit);
  return ok({
    hits: hits.map((document) => toHit(index, document, body)),
    query: q,
    processingTimeMs: Math.round(performance.now() - startedAt),
    limit,
    offset,
    estimatedTotalHits: Math.min(found.length, maxTotalHits),
    requestUid: randomUUID(),
  });
}

/** By rank; without words, every document in its order. */
async function findByText(index: StoredIndex, q: string, strategy: Json = 'last'): Promise<JsonObject[]> {
  if (strategy !== 'last' && strategy !== 'all')
    throw new ApiError(
      'invalid_search_matching_strategy',
      `Unknown value \`${String(strategy)}\` at \`.matchingStrategy\`: expected one of \`last\`, \`all\``,
    );
  if (q.trim() === '') return [...index.documents.values()];
  await index.text.build(index.documents, index.searchable);
  const found = index.text.search(q, strategy).map((id) => index.documents.get(id));
  return found.filter((document) => document !== undefined);
}

function toHit(index: StoredIndex, document: JsonObject, body: JsonObject): JsonObject {
  const displayed = namesIn(index.settings, 'displayedAttributes') as string[];
  const wanted = (body['attributesToRetrieve'] ?? ['*']) as string[];
  const shown = toShown(index, document, { retrieveVectors: body['retrieveVectors'] === true });
  return pick(pick(shown, displayed), wanted);
}

function readText({ q }: JsonObject): string {
  if (q === undefined || q === null) return '';
  if (typeof q === 'string') return q;
  throw new ApiError('invalid_search_q', 'Invalid value type at `.q`: expected a string');
}

function readSort({ sort }: JsonObject, settings: Settings): string[] {
  const rules = (sort ?? []) as string[];
  const sortable = namesIn(settings, 'sortableAttributes') as string[];
  for (const rule of rules) {
    const [, name = ''] = /^(.+):(?:asc|desc)$/.exec(rule) ?? [];
    if (sortable.some((pattern) => covers(pattern, name))) continue;
    const known =
      sortable.length === 0
        ? 'This index does not have configured sortable attributes.'
        : `Available sortable attributes are: \`${sortable.join(', ')}\`.`;
    throw new ApiError('invalid_search_sort', `Attribute \`${name || rule}\` is not sortable. ${known}`);
  }
  return rules;
}

function readCount(body: JsonObject, name: 'offset' | 'limit', standard: number): number {
  const value = body[name] ?? standard;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new ApiError(`invalid_search_${name}`, `Invalid value type at \`.${name}\`: expected a positive integer`);
}

export const searchRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/indexes/:index/search', action: 'search', handle: search },
];
