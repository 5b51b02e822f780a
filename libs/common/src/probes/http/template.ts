import type { Json } from '#common/domain/json.js';

const PLACEHOLDER = /\$\{([A-Za-z_][\w-]*)\}/g;

export type Captures = ReadonlyMap<string, string>;

/** The names that a value waits for: `Bearer ${token}` waits for `token`. */
export function namesIn(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [...value.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap((item) => namesIn(item));
}

/** Puts captured texts in. Names without a capture stay as they are. */
export const fillText = (text: string, captures: Captures, encode = (value: string) => value): string =>
  text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = captures.get(name);
    return value === undefined ? whole : encode(value);
  });

export function fillJson(value: Json, captures: Captures): Json {
  if (typeof value === 'string') return fillText(value, captures);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => fillJson(item, captures));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillJson(item, captures)]));
}
