import { isExactNumber } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);

/** All values of an attribute like `a.b`: a path goes through objects and through each item of lists. */
export function valuesAt(value: Json | undefined, path: string): readonly Json[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((item) => valuesAt(item, path));
  if (!isObject(value)) return [];
  const own = Object.hasOwn(value, path) ? [value[path] as Json] : [];
  const deeper = Object.keys(value)
    .filter((key) => path.startsWith(`${key}.`))
    .flatMap((key) => valuesAt(value[key], path.slice(key.length + 1)));
  return [...own, ...deeper];
}

/** The value itself, or each item of a list in it. */
export const leavesOf = (value: Json): readonly Json[] =>
  Array.isArray(value) ? (value as readonly Json[]).flatMap(leavesOf) : [value];

/** Does a pattern of the settings (`*`, `price`, `details.*`) cover an attribute, or one that it lies in? */
export function covers(pattern: string, attribute: string): boolean {
  if (pattern === '*' || pattern === attribute) return true;
  if (pattern.endsWith('*')) return attribute.startsWith(pattern.slice(0, -1));
  return attribute.startsWith(`${pattern}.`);
}

/** The patterns among `filterableAttributes`, which are names or objects that hold several. */
export const toPatterns = (names: readonly Json[]): string[] =>
  names.flatMap((name) =>
    typeof name === 'string' ? [name] : ((name as JsonObject)['attributePatterns'] as string[]),
  );

/** A document reduced to some attributes, nested ones as `a.b`. Undefined and `*` mean all. */
export function pick(document: JsonObject, attributes: readonly string[] | undefined): JsonObject {
  if (attributes === undefined || attributes.includes('*')) return document;
  const picked = Object.entries(document).flatMap(([key, value]) => {
    if (attributes.includes(key)) return [[key, value] as const];
    const deeper = attributes.filter((name) => name.startsWith(`${key}.`)).map((name) => name.slice(key.length + 1));
    return deeper.length > 0 && value !== null && typeof value === 'object'
      ? [[key, pickIn(value, deeper)] as const]
      : [];
  });
  return Object.fromEntries(picked);
}

const pickIn = (value: Json, attributes: readonly string[]): Json =>
  Array.isArray(value)
    ? (value as readonly Json[]).map((item) => pickIn(item, attributes))
    : isObject(value)
      ? pick(value, attributes)
      : value;

/** For order and comparison a double is enough. */
export const toNumber = (value: Json): number | undefined =>
  typeof value === 'number' ? value : isExactNumber(value) ? Number(value.rawJSON) : undefined;

/** Sorts by `attribute:asc` and `attribute:desc`: numbers before texts, documents without the attribute last. */
export function toOrder(rules: readonly string[]): (a: JsonObject, b: JsonObject) => number {
  const keys = rules.map((rule) => {
    const at = rule.lastIndexOf(':');
    return { name: rule.slice(0, at), isDescending: rule.slice(at + 1) === 'desc' };
  });
  return (a, b) => {
    for (const { name, isDescending } of keys) {
      const order = compareKeys(toKey(a, name), toKey(b, name), isDescending);
      if (order !== 0) return order;
    }
    return 0;
  };
}

type SortKey = number | string | undefined;

function toKey(document: JsonObject, name: string): SortKey {
  const [value] = valuesAt(document, name).flatMap(leavesOf);
  if (value === undefined || value === null) return undefined;
  return toNumber(value) ?? String(value).toLowerCase();
}

function compareKeys(left: SortKey, right: SortKey, isDescending: boolean): number {
  if (left === right) return 0;
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
  return left < right === isDescending ? 1 : -1;
}
