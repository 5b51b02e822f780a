import type { Json } from '#common/domain/json.js';

/** The same text for the same value: members sorted, members without a value (`null`) left out. */
export function toCanonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item) => toCanonicalJson(item)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .filter(([, member]) => member !== null && member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${toCanonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

export const isSameJson = (a: Json | undefined, b: Json | undefined): boolean =>
  toCanonicalJson(a) === toCanonicalJson(b);
