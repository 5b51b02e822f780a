import type { Cursor } from './cursor.js';
import { parseListpack } from './listpack.js';

/** Milliseconds and sequence, as the server prints them: `1700000000000-0`. */
export type StreamId = string;

export interface StreamEntry {
  readonly id: StreamId;
  /** Field, value, field, value. */
  readonly fields: readonly Buffer[];
}

export interface StreamGroup {
  readonly name: Buffer;
  readonly lastId: StreamId;
  /** How many entries the group has read; undefined: its server did not count, or lost count. */
  readonly entriesRead: bigint | undefined;
  readonly pending: readonly { readonly id: StreamId; readonly deliveredAtMs: number; readonly deliveries: number }[];
  readonly consumers: readonly { readonly name: Buffer; readonly pending: readonly StreamId[] }[];
}

export interface StreamContent {
  readonly type: 'stream';
  readonly entries: readonly StreamEntry[];
  readonly lastId: StreamId;
  readonly entriesAdded: bigint | undefined;
  readonly maxDeletedId: StreamId | undefined;
  readonly groups: readonly StreamGroup[];
}

/** By the type byte. Source: rdbSaveObject of Redis 7.4, t_stream.c. */
const FORMATS: Readonly<Record<number, 1 | 2 | 3>> = { 15: 1, 19: 2, 21: 3 };
const NO_COUNT = 0xffff_ffff_ffff_ffffn;

/** Throws RangeError for bytes that are none. */
export function readStream(cursor: Cursor, code: number): StreamContent {
  const format = FORMATS[code] ?? 3;
  const entries = repeat(cursor, () => {
    const master = need(cursor.string());
    return readEntries(master, need(cursor.string()));
  }).flat();
  number(cursor);
  const lastId = readIdParts(cursor);
  if (format === 1) {
    return {
      type: 'stream',
      entries,
      lastId,
      entriesAdded: undefined,
      maxDeletedId: undefined,
      groups: readGroups(cursor, format),
    };
  }
  readIdParts(cursor);
  const maxDeletedId = readIdParts(cursor);
  const entriesAdded = wide(cursor);
  return { type: 'stream', entries, lastId, entriesAdded, maxDeletedId, groups: readGroups(cursor, format) };
}

function readGroups(cursor: Cursor, format: 1 | 2 | 3): StreamGroup[] {
  return repeat(cursor, () => {
    const name = need(cursor.string());
    const lastId = readIdParts(cursor);
    const count = format === 1 ? NO_COUNT : wide(cursor);
    const pending = repeat(cursor, () => ({
      id: readId(cursor),
      deliveredAtMs: instant(cursor),
      deliveries: number(cursor),
    }));
    const consumers = repeat(cursor, () => {
      const consumer = need(cursor.string());
      cursor.skip(format === 3 ? 16 : 8);
      return { name: consumer, pending: repeat(cursor, () => readId(cursor)) };
    });
    return { name, lastId, entriesRead: count === NO_COUNT ? undefined : count, pending, consumers };
  });
}

/** The entries of one node, whose ids and fields are stored as differences from its first. */
function readEntries(master: Buffer, listpack: Buffer): StreamEntry[] {
  const items = parseListpack(listpack);
  const [ms, seq] = [master.readBigUInt64BE(0), master.readBigUInt64BE(8)];
  let at = 0;
  const take = (): Buffer => need(items[at++]);
  const takeNumber = (): number => Number(take().toString());
  const left = takeNumber() + takeNumber();
  const shared = Array.from({ length: takeNumber() }, take);
  take();
  const entries: StreamEntry[] = [];
  for (let index = 0; index < left; index += 1) {
    const flags = takeNumber();
    const id = `${ms + BigInt(takeNumber())}-${seq + BigInt(take().toString())}`;
    const fields =
      (flags & 2) === 0 ? Array.from({ length: takeNumber() * 2 }, take) : shared.flatMap((field) => [field, take()]);
    take();
    if ((flags & 1) === 0) entries.push({ id, fields });
  }
  return entries;
}

function repeat<T>(cursor: Cursor, read: () => T): T[] {
  return Array.from({ length: number(cursor) }, read);
}

function number(cursor: Cursor): number {
  const value = cursor.length();
  if (value < 0) throw new RangeError('a stream ends too early');
  return value;
}

/** Exact up to 2^64. */
function wide(cursor: Cursor): bigint {
  if (cursor.bytes[cursor.at] !== 0x81) return BigInt(number(cursor));
  cursor.skip(1);
  return need(cursor.raw(8)).readBigUInt64BE();
}

const readIdParts = (cursor: Cursor): StreamId => `${wide(cursor)}-${wide(cursor)}`;

function readId(cursor: Cursor): StreamId {
  const bytes = need(cursor.raw(16));
  return `${bytes.readBigUInt64BE(0)}-${bytes.readBigUInt64BE(8)}`;
}

const instant = (cursor: Cursor): number => Number(need(cursor.raw(8)).readBigInt64LE());

function need(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) throw new RangeError('a stream ends too early');
  return bytes;
}
