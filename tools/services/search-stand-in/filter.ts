import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError, type ErrorCode } from './api-error.js';
import { covers, leavesOf, toNumber, toPatterns, valuesAt } from './attributes.js';
import type { Features } from './features.js';
import { type Filter, FilterSyntaxError, parseFilter } from './filter-parser.js';
import { embeddersOf, namesIn, type Settings } from './settings.js';
import { toEmbedding, VECTORS } from './vectors.js';

interface FilterContext {
  readonly settings: Settings;
  readonly features: Features;
  /** Of the errors about the filter. */
  readonly code: ErrorCode;
}

export type Predicate = (document: JsonObject) => boolean;

/**
 * A filter of the API, as text or as a list (all of them, any within a list in it), made a question to one document.
 * Throws the context's code for what cannot be parsed or names an attribute that is not filterable.
 */
export function toPredicate(given: Json | undefined, context: FilterContext): Predicate {
  try {
    const filter = toFilter(given);
    if (filter === undefined) return () => true;
    checkAttributes(filter, context);
    return (document) => holds(filter, document);
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw new ApiError(context.code, error.message);
    throw error;
  }
}

function toFilter(given: Json | undefined): Filter | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'string') return parseFilter(given);
  if (!Array.isArray(given))
    throw new FilterSyntaxError('Invalid type for filter subexpression: expected: string, array.');
  return join(
    'and',
    given.map((item: Json) => (Array.isArray(item) ? join('or', item.map(toFilter)) : toFilter(item))),
  );
}

function join(kind: 'and' | 'or', filters: readonly (Filter | undefined)[]): Filter | undefined {
  const parts = filters.filter((filter) => filter !== undefined);
  return parts.length === 0 ? undefined : { kind, parts };
}

function checkAttributes(filter: Filter, context: FilterContext): void {
  if (filter.kind === 'and' || filter.kind === 'or') {
    for (const part of filter.parts) checkAttributes(part, context);
  } else if (filter.kind === 'not') checkAttributes(filter.part, context);
  else if (isAboutVectors(filter.attribute)) checkEmbedder(filter.attribute, context);
  else checkFilterable(filter.attribute, context.settings);
}

const isAboutVectors = (attribute: string): boolean => attribute === VECTORS || attribute.startsWith(`${VECTORS}.`);

function checkEmbedder(attribute: string, { settings, features }: FilterContext): void {
  if (!features.multimodal) {
    throw new ApiError(
      'feature_not_enabled',
      'using a vector filter requires enabling the `multimodal` experimental feature',
    );
  }
  const [, embedder] = attribute.split('.');
  const known = Object.keys(embeddersOf(settings));
  if (embedder === undefined || known.includes(embedder)) return;
  const available =
    known.length === 0
      ? 'This index does not have any configured embedders.'
      : `Available embedders are: ${known.map((name) => `\`${name}\``).join(', ')}.`;
  throw new FilterSyntaxError(`The embedder \`${embedder}\` does not exist. ${available}`);
}

function checkFilterable(attribute: string, settings: Settings): void {
  const patterns = toPatterns(namesIn(settings, 'filterableAttributes'));
  if (patterns.some((pattern) => covers(pattern, attribute))) return;
  const known =
    patterns.length === 0
      ? 'This index does not have configured filterable attributes.'
      : `Available filterable attribute patterns are: ${patterns.map((pattern) => `\`${pattern}\``).join(', ')}.`;
  throw new FilterSyntaxError(`Attribute \`${attribute}\` is not filterable. ${known}`);
}

function holds(filter: Filter, document: JsonObject): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.parts.every((part) => holds(part, document));
    case 'or':
      return filter.parts.some((part) => holds(part, document));
    case 'not':
      return !holds(filter.part, document);
    case 'exists':
      return isAboutVectors(filter.attribute)
        ? hasVectors(filter.attribute, document)
        : valuesAt(document, filter.attribute).length > 0;
    case 'null':
      return valuesAt(document, filter.attribute).some((value) => value === null);
    case 'empty':
      return valuesAt(document, filter.attribute).some(isEmpty);
    case 'in':
      return filter.values.some((value) => compares(document, { ...filter, operator: '=', value }));
    case 'compare':
      return filter.operator === '!=' ? !compares(document, { ...filter, operator: '=' }) : compares(document, filter);
  }
}

const isEmpty = (value: Json): boolean =>
  value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

interface Comparison {
  readonly attribute: string;
  readonly operator: string;
  readonly value: string;
}

const compares = (document: JsonObject, { attribute, operator, value }: Comparison): boolean =>
  valuesAt(document, attribute)
    .flatMap(leavesOf)
    .some((found) => found !== null && matches(found, operator, value));

/** Texts are compared without regard to case; what orders compares numbers, where both are. */
function matches(found: Json, operator: string, value: string): boolean {
  const number = toNumber(found);
  const wanted = value.trim() === '' ? Number.NaN : Number(value);
  if (operator === '=') return number === undefined ? fold(found) === fold(value) : number === wanted;
  if (operator === 'STARTS WITH') return number === undefined && fold(found).startsWith(fold(value));
  const [left, right] = number === undefined ? [fold(found), fold(value)] : [number, wanted];
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}

const fold = (value: Json): string => String(value).normalize('NFKC').toLowerCase();

/** `_vectors`, `_vectors.NAME`, `_vectors.NAME.userProvided` and `_vectors.NAME.regenerate`. */
function hasVectors(attribute: string, document: JsonObject): boolean {
  const [, embedder, aspect] = attribute.split('.');
  const given = (document[VECTORS] ?? {}) as JsonObject;
  return Object.entries(given).some(([name, vectors]) => {
    const embedding = toEmbedding(vectors);
    if (embedding === undefined || (embedder !== undefined && embedder !== name)) return false;
    if (aspect === 'userProvided') return !embedding.regenerate;
    return aspect === 'regenerate' ? embedding.regenerate : embedding.embeddings.length > 0;
  });
}
