import { endianness } from 'node:os';
import type { WalBytes } from '#common/domain/wal.js';
import { AppError } from '#common/errors/app-error.js';

/** What the first page of a segment says of it. */
export interface SegmentHeader {
  /** Of the server that wrote the page; a segment that a new timeline begins in has the older one here. */
  readonly timeline: number;
  readonly start: WalBytes;
  readonly systemId: string;
  readonly segmentBytes: number;
}

/** `XLogLongPageHeaderData`, in the byte order of the machine that the server runs on. Source: PostgreSQL `access/xlog_internal.h`. */
const SIZE = 40;
const LONG_HEADER = 0x0002;

/** Throws: wal.invalid. */
export function parseSegmentHeader(name: string, raw: Buffer): SegmentHeader {
  const isLittle = endianness() === 'LE';
  const u16 = (at: number): number => (isLittle ? raw.readUInt16LE(at) : raw.readUInt16BE(at));
  const u32 = (at: number): number => (isLittle ? raw.readUInt32LE(at) : raw.readUInt32BE(at));
  const u64 = (at: number): bigint => (isLittle ? raw.readBigUInt64LE(at) : raw.readBigUInt64BE(at));
  // The upper half of the magic has been the same since PostgreSQL 9.1: what differs in it is no WAL.
  if (raw.length < SIZE || u16(0) >> 8 !== 0xd1 || (u16(2) & LONG_HEADER) === 0)
    throw new AppError('wal.invalid', `${name} does not begin as a WAL segment does`);
  return { timeline: u32(4), start: u64(8), systemId: String(u64(24)), segmentBytes: u32(32) };
}
