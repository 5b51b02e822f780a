import { isExactNumber, toDecimal, toPlainJson } from '#common/domain/exact-json.js';
import type { Json } from '#common/domain/json.js';

/** The same text for the same value: members sorted, members without a value (`null`) left out. */
export function toCanonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item) => toCanonicalJson(item)).join(',')}]`;
  if (isExactNumber(value)) return toDecimal(value.rawJSON);
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .filter(([, member]) => member !== null && member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${toCanonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/**
 * Is what was found what a profile expects? A profile's numbers are doubles, so one that a double cannot hold is written as
 * text there.
 */
export const isExpected = (actual: Json, expected: Json): boolean => isSameJson(toPlainJson(actual), expected);

export const isSameJson = (a: Json | undefined, b: Json | undefined): boolean =>
  toCanonicalJson(a) === toCanonicalJson(b);
