import { Cursor } from './cursor.js';
import { parseIntset, parseListpack } from './listpack.js';
import { readStream, type StreamContent } from './stream-content.js';

export interface HashField {
  readonly field: Buffer;
  readonly value: Buffer;
  /** Milliseconds since 1970; undefined: as long as the key lives. */
  readonly expiresAtMs: number | undefined;
}

/** What a value holds, whatever its encoding. */
export type ValueContent =
  | { readonly type: 'string'; readonly value: Buffer }
  | { readonly type: 'list' | 'set'; readonly elements: readonly Buffer[] }
  | { readonly type: 'zset'; readonly members: readonly { readonly member: Buffer; readonly score: number }[] }
  | { readonly type: 'hash'; readonly fields: readonly HashField[] }
  | StreamContent;

type Read = (cursor: Cursor, code: number) => ValueContent;

const READERS: Readonly<Record<number, Read>> = {
  0: (cursor) => ({ type: 'string', value: string(cursor) }),
  1: (cursor) => ({ type: 'list', elements: repeat(cursor, () => string(cursor)) }),
  2: (cursor) => ({ type: 'set', elements: repeat(cursor, () => string(cursor)) }),
  4: (cursor) => ({ type: 'hash', fields: repeat(cursor, () => toField(string(cursor), string(cursor))) }),
  5: (cursor) => ({
    type: 'zset',
    members: repeat(cursor, () => ({ member: string(cursor), score: raw(cursor, 8).readDoubleLE() })),
  }),
  11: (cursor) => ({ type: 'set', elements: parseIntset(string(cursor)) }),
  16: (cursor) => ({ type: 'hash', fields: pairs(parseListpack(string(cursor))).map(([a, b]) => toField(a, b)) }),
  17: (cursor) => ({
    type: 'zset',
    members: pairs(parseListpack(string(cursor))).map(([member, score]) => ({ member, score: parseScore(score) })),
  }),
  18: (cursor) => ({ type: 'list', elements: repeat(cursor, () => readNode(cursor)).flat() }),
  20: (cursor) => ({ type: 'set', elements: parseListpack(string(cursor)) }),
  22: (cursor) => ({
    type: 'hash',
    fields: repeat(cursor, () => toField(string(cursor), string(cursor), raw(cursor, 8).readBigInt64LE())),
  }),
  24: (cursor) => {
    const earliest = raw(cursor, 8).readBigInt64LE();
    const fields = repeat(cursor, () => {
      const ttl = length(cursor);
      // Told by its distance from the earliest of the hash, from 1 on; 0 stands for none.
      const expiresAtMs = ttl === 0 ? -1n : earliest + BigInt(ttl) - 1n;
      return toField(string(cursor), string(cursor), expiresAtMs);
    });
    return { type: 'hash', fields };
  },
  25: (cursor) => {
    cursor.skip(8);
    const items = parseListpack(string(cursor));
    const fields = items.flatMap((field, index) =>
      index % 3 === 0 ? [toField(field, need(items[index + 1]), toExpiry(need(items[index + 2])))] : [],
    );
    return { type: 'hash', fields };
  },
  15: readStream,
  19: readStream,
  21: readStream,
};

/** Undefined for encodings that servers before Redis 7 wrote. Throws RangeError for bytes that are no value. */
export function parseValue(code: number, bytes: Buffer): ValueContent | undefined {
  return READERS[code]?.(new Cursor(bytes), code);
}

export function parseScore(text: Buffer | string): number {
  const digits = text.toString();
  if (/^[+-]?inf/i.test(digits)) return digits.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(digits);
}

/** A node of a list is one large element, or a listpack of small ones. */
function readNode(cursor: Cursor): Buffer[] {
  const isPlain = length(cursor) === 1;
  const node = string(cursor);
  return isPlain ? [node] : parseListpack(node);
}

const toExpiry = (text: Buffer): bigint => (text.toString() === '0' ? -1n : BigInt(text.toString()));

const toField = (field: Buffer, value: Buffer, expiresAtMs = -1n): HashField => ({
  field,
  value,
  expiresAtMs: expiresAtMs < 0n ? undefined : Number(expiresAtMs),
});

const pairs = (items: readonly Buffer[]): [Buffer, Buffer][] =>
  items.flatMap((item, index) => (index % 2 === 0 ? [[item, need(items[index + 1])] as [Buffer, Buffer]] : []));

const repeat = <T>(cursor: Cursor, read: () => T): T[] => Array.from({ length: length(cursor) }, read);

function length(cursor: Cursor): number {
  const value = cursor.length();
  if (value < 0) throw new RangeError('a value ends too early');
  return value;
}

const string = (cursor: Cursor): Buffer => need(cursor.string());
const raw = (cursor: Cursor, count: number): Buffer => need(cursor.raw(count));

function need(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) throw new RangeError('a value ends too early');
  return bytes;
}
