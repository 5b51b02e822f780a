import type { z } from 'zod';
import type { ProblemShape } from './names.js';

/**
 * How an event stays below what brokers take, a megabyte by default, whatever a run found: a broker would refuse a larger one, and no
 * consumer would learn that the run ended. What is left out here is in the result of the run.
 */
const LISTED = 100;
const NAME_CHARACTERS = 200;
const LIST_BYTES = 64 * 1024;
const TEXT_CHARACTERS = 2_000;
const CONTEXT_BYTES = 256 * 1024;
const LEFT_OUT = 'too large for an event; the run has it';

type Problem = z.input<typeof ProblemShape>;

/** Of the JSON: characters that are not ASCII and escapes take more than one each. */
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

export const cutText = (text: string, characters = TEXT_CHARACTERS): string =>
  text.length <= characters ? text : `${text.slice(0, characters - 1).toWellFormed()}…`;

/** The first of the list, as many as fit. */
export function firstWithin<T>(list: readonly T[], maxBytes: number): T[] {
  let bytes = 0;
  const end = list.findIndex((item) => {
    bytes += bytesOf(item) + 1;
    return bytes > maxBytes;
  });
  return list.slice(0, end === -1 ? list.length : end);
}

/** The first names of one list: enough to see what it is about. */
export const firstNames = <T>(list: readonly T[]): T[] =>
  firstWithin(
    list.slice(0, LISTED).map((item) => (typeof item === 'string' ? (cutText(item, NAME_CHARACTERS) as T) : item)),
    LIST_BYTES,
  );

/** How many there are of each list that is not told whole; undefined when all are. */
export function totalsOf<K extends string>(
  whole: Readonly<Partial<Record<K, readonly unknown[] | undefined>>>,
  told: Readonly<Partial<Record<K, readonly unknown[] | undefined>>>,
): Record<K, number> | undefined {
  const names = Object.keys(whole) as K[];
  const cut = names.filter((name) => (whole[name]?.length ?? 0) > (told[name]?.length ?? 0));
  if (cut.length === 0) return undefined;
  return Object.fromEntries(cut.map((name) => [name, whole[name]?.length ?? 0])) as Record<K, number>;
}

/** The error of a failure or a rejection: programs say as much as they like, and contexts list what they like. */
export function fitError<T extends { readonly error: Problem }>(data: T): T {
  const { message, hint, context = {}, ...rest } = data.error;
  return {
    ...data,
    error: { ...rest, message: cutText(message), hint: cutText(hint), context: fitContext(context) },
  };
}

/** Each entry has the same room; what has no beginning to show, an object, goes as a whole. */
function fitContext(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(context).slice(0, LISTED);
  const room = CONTEXT_BYTES / Math.max(1, entries.length);
  const fitting = entries.map(([name, value]) => [name, fitValue(value)] as const);
  return Object.fromEntries(fitting.map(([name, value]) => [name, bytesOf(value) <= room ? value : LEFT_OUT]));
}

function fitValue(value: unknown): unknown {
  if (typeof value === 'string') return cutText(value);
  return Array.isArray(value) ? firstNames(value) : value;
}
