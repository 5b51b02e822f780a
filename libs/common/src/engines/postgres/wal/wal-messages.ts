import type { WalBytes } from '#common/domain/wal.js';

/** What a WAL sender tells, in its own words: `w` is WAL, `k` is a sign of life. */
export type WalMessage =
  | {
      readonly kind: 'wal';
      readonly start: WalBytes;
      readonly serverEnd: WalBytes;
      readonly sentAt: Date;
      readonly data: Buffer;
    }
  | { readonly kind: 'alive'; readonly serverEnd: WalBytes; readonly sentAt: Date; readonly wantsReply: boolean }
  | { readonly kind: 'other' };

/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const toDate = (microseconds: bigint): Date => new Date(EPOCH_MS + Number(microseconds / 1_000n));
const toMicroseconds = (now: Date): bigint => BigInt(now.getTime() - EPOCH_MS) * 1_000n;

/** Source: PostgreSQL "Streaming Replication Protocol", XLogData and Primary keepalive message. */
export function parseWalMessage(message: Buffer): WalMessage {
  switch (String.fromCharCode(message[0] ?? 0)) {
    case 'w':
      return {
        kind: 'wal',
        start: message.readBigUInt64BE(1),
        serverEnd: message.readBigUInt64BE(9),
        sentAt: toDate(message.readBigInt64BE(17)),
        data: message.subarray(25),
      };
    case 'k':
      return {
        kind: 'alive',
        serverEnd: message.readBigUInt64BE(1),
        sentAt: toDate(message.readBigInt64BE(9)),
        wantsReply: message[17] === 1,
      };
    default:
      return { kind: 'other' };
  }
}

export interface StandbyStatus {
  readonly written: WalBytes;
  /** The slot keeps everything from here on. */
  readonly flushed: WalBytes;
  /** Asks the server how far it is. */
  readonly wantsReply: boolean;
}

/** Source: PostgreSQL "Streaming Replication Protocol", Standby status update. */
export function toStatusMessage({ written, flushed, wantsReply }: StandbyStatus, now: Date): Buffer {
  const message = Buffer.alloc(34);
  message.write('r', 0, 'latin1');
  message.writeBigUInt64BE(written, 1);
  message.writeBigUInt64BE(flushed, 9);
  // Nothing is applied here.
  message.writeBigUInt64BE(0n, 17);
  message.writeBigInt64BE(toMicroseconds(now), 25);
  message.writeUInt8(wantsReply ? 1 : 0, 33);
  return message;
}
