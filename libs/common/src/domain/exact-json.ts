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

const isHeldByDouble = (value: number, source: string): boolean =>
  String(value) === source || (Number.isFinite(value) && toDecimal(String(value)) === toDecimal(source));

/** The same text for the same number, however it is written: `1e2`, `100` and `100.0` are all `1e2`. */
export function toDecimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${BigInt(exponent) + BigInt(digits.length - significant.length - fraction.length)}`;
}
