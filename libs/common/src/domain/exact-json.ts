import { toText } from '#common/errors/printable.js';
import type { Json } from './json.js';

/**
 * A JSON number that a double cannot hold: it keeps the digits it was written with, and `JSON.stringify` writes them again.
 * Source: ECMA-262, JSON.rawJSON and the source text that JSON.parse hands to its reviver.
 */
export interface ExactNumber {
  readonly rawJSON: string;
}

/** What our Node has and the compiler's library does not describe yet. */
interface ExactJson {
  parse(text: string, reviver: (key: string, value: Json, context: { readonly source?: string }) => Json): Json;
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is ExactNumber;
}

const json = JSON as unknown as ExactJson;

export const isExactNumber = (value: unknown): value is ExactNumber => json.isRawJSON(value);

/** Parses JSON without loss: a number that is more than its double becomes an `ExactNumber`. Throws a SyntaxError. */
export function parseExactJson(text: string): Json {
  return json.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && !isHeldByDouble(value, source) ? json.rawJSON(source) : value,
  );
}

/** Is this a number in JSON's notation that a double changes? */
export const isLossyNumber = (text: string): boolean => NUMBER.test(text) && !isHeldByDouble(Number(text), text);

const isHeldByDouble = (value: number, source: string): boolean =>
  String(value) === source || (Number.isFinite(value) && toDecimal(String(value)) === toDecimal(source));

/** Plain JSON for those who know no `ExactNumber`: such a number becomes the text of its digits. */
export function toPlainJson(value: Json): Json {
  if (isExactNumber(value)) return value.rawJSON;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(toPlainJson);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toPlainJson(member)]));
}

/** A single value as the text that it is written with. */
export const toPlainText = (value: Json): string => (isExactNumber(value) ? value.rawJSON : toText(value));

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The same text for the same number, however it is written: `1e2`, `100` and `100.0` are all `1e2`. */
export function toDecimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${BigInt(exponent) + BigInt(digits.length - significant.length - fraction.length)}`;
}

/** Compares two numbers by their digits: negative when `a` is less, 0 when they are equal. Undefined when one is no number. */
export function compareNumbers(a: Json, b: Json): number | undefined {
  const [left, right] = [toParts(a), toParts(b)];
  if (left === undefined || right === undefined) return undefined;
  if (left.sign !== right.sign) return left.sign - right.sign;
  return left.sign < 0 ? compareMagnitudes(right, left) : compareMagnitudes(left, right);
}

interface Parts {
  readonly sign: number;
  readonly digits: string;
  /** The place of the first digit: 2 for 12, 0 for 0.12. */
  readonly place: bigint;
}

/** Texts count as what they say, as databases give numbers away as texts as well. */
function toParts(value: Json): Parts | undefined {
  const text = typeof value === 'number' || typeof value === 'string' || isExactNumber(value) ? toPlainText(value) : '';
  if (!NUMBER.test(text)) return undefined;
  const [, sign = '', digits = '', exponent = '0'] = /^(-?)(\d+)(?:e(-?\d+))?$/.exec(toDecimal(text)) ?? [];
  if (digits === '0') return { sign: 0, digits, place: 0n };
  return { sign: sign === '-' ? -1 : 1, digits, place: BigInt(digits.length) + BigInt(exponent) };
}

function compareMagnitudes(left: Parts, right: Parts): number {
  if (left.place !== right.place) return left.place < right.place ? -1 : 1;
  const length = Math.max(left.digits.length, right.digits.length);
  const [a, b] = [left.digits.padEnd(length, '0'), right.digits.padEnd(length, '0')];
  return a === b ? 0 : a < b ? -1 : 1;
}
