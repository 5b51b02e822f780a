import { inspect, types } from 'node:util';

/** Any value as text for a person, never `[object Object]`: errors by their message, instants in UTC, other objects as JSON. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  // Errors of Node's own may come from another realm than ours, where `instanceof` is false.
  if (value instanceof Error || types.isNativeError(value)) return value.message || value.name;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'no instant' : value.toISOString();
  if (typeof value === 'object' && value !== null) return toJson(value) ?? inspect(value, { breakLength: Infinity });
  return inspect(value);
}

/** Undefined for what JSON cannot tell: a circle, a bigint, a map or set. */
function toJson(value: object): string | undefined {
  if (value instanceof Map || value instanceof Set) return undefined;
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

export interface ShortListOptions {
  readonly limit?: number;
  /** Where names of a longer list are given. */
  readonly total?: number;
  readonly separator?: string;
}

/** "a, b, c and 12 more": of a list that can be long. */
export function toShortList(names: readonly string[], o: ShortListOptions = {}): string {
  const { limit = 5, total = names.length, separator = ', ' } = o;
  const shown = names.slice(0, limit);
  const rest = total - shown.length;
  return `${shown.join(separator)}${rest > 0 ? ` and ${rest} more` : ''}`;
}
