/** What a value consists of in the file, as far as it has to be walked over. */
export const Part = {
  /** Length-prefixed, an integer, or compressed. */
  string: 1,
  /** A length or a number in the variable encoding. */
  length: 2,
  /** Eight bytes: a double, an instant. */
  eight: 3,
  /** Sixteen bytes: the id of an entry of a stream. */
  id: 4,
  /** A number as text behind one byte for its length; RDB before version 8. */
  text: 5,
} as const;

/** A list among the parts is a count in the file, and as many times these parts. */
export type Shape = readonly (number | Shape)[];

export type ValueType = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream';

export interface Encoding {
  readonly type: ValueType;
  readonly shape: Shape;
  /** Fields of the hash may have a time to live of their own. */
  readonly hasFieldTimes?: true;
}

const { string, length, eight, id, text } = Part;

const stream = (o: { readonly about: Shape; readonly group: Shape; readonly consumer: Shape }): Encoding => ({
  type: 'stream',
  shape: [
    ...[[string, string], length, length, length, ...o.about],
    [string, length, length, ...o.group, [id, eight, length], [string, eight, ...o.consumer, [id]]],
  ],
});
const about = [length, length, length, length, length];

/** By the type byte of the file. Source: rdb.h and rdb.c of Redis 7.4 and of Valkey 9.1. */
const COMMON: Readonly<Record<number, Encoding>> = {
  0: { type: 'string', shape: [string] },
  1: { type: 'list', shape: [[string]] },
  2: { type: 'set', shape: [[string]] },
  3: { type: 'zset', shape: [[string, text]] },
  4: { type: 'hash', shape: [[string, string]] },
  5: { type: 'zset', shape: [[string, eight]] },
  9: { type: 'hash', shape: [string] },
  10: { type: 'list', shape: [string] },
  11: { type: 'set', shape: [string] },
  12: { type: 'zset', shape: [string] },
  13: { type: 'hash', shape: [string] },
  14: { type: 'list', shape: [[string]] },
  15: stream({ about: [], group: [], consumer: [] }),
  16: { type: 'hash', shape: [string] },
  17: { type: 'zset', shape: [string] },
  18: { type: 'list', shape: [[length, string]] },
  19: stream({ about, group: [length], consumer: [] }),
  20: { type: 'set', shape: [string] },
  21: stream({ about, group: [length], consumer: [eight] }),
};

/** Redis 7.4 and newer. */
const REDIS: Readonly<Record<number, Encoding>> = {
  ...COMMON,
  24: { type: 'hash', shape: [eight, [length, string, string]], hasFieldTimes: true },
  25: { type: 'hash', shape: [eight, string], hasFieldTimes: true },
};

/** Valkey 9 and newer: the same number means something else in a release candidate of Redis 7.4. */
const VALKEY: Readonly<Record<number, Encoding>> = {
  ...COMMON,
  22: { type: 'hash', shape: [[string, string, eight]], hasFieldTimes: true },
};

/** Type bytes of values that a module wrote. */
export const MODULE_TYPES: ReadonlySet<number> = new Set([6, 7]);

/** Which project numbered the version: both go on from the same one. */
export type RdbFlavour = 'REDIS' | 'VALKEY';

export const encodingsOf = (flavour: RdbFlavour): Readonly<Record<number, Encoding>> =>
  flavour === 'REDIS' ? REDIS : VALKEY;
