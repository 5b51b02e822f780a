import { createHash } from 'node:crypto';

/** UUIDv7 of one backup: sorts by the time at which it was reserved. */
export type BackupId = string & { readonly __brand: 'BackupId' };
/** UUID of one run. */
export type RunId = string & { readonly __brand: 'RunId' };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const isUuid = (text: string): boolean => UUID.test(text);

/** A UUIDv7: 48 bits of milliseconds, then random bits. `random` holds at least 10 bytes. Source: RFC 9562, 5.7. */
export function toUuidV7(now: Date, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes.set(random.subarray(0, 10), 6);
  return toUuid(bytes, 7);
}

/** The same UUIDv5 for the same parts, always: how a repeated request finds its first run. Source: RFC 9562, 5.5. */
export function toUuidV5(...parts: readonly string[]): string {
  const digest = createHash('sha1').update(NAMESPACE).update(JSON.stringify(parts)).digest();
  return toUuid(digest.subarray(0, 16), 5);
}

/** The run that a request starts: derived, so that a redelivered request can name no second run. */
export const toRunId = (source: string, eventId: string): RunId => toUuidV5('run', source, eventId) as RunId;

const NAMESPACE = Buffer.from('6f1f5e0c0a6f4c0d9d5e6f0b8c4b7a11', 'hex');

function toUuid(bytes: Buffer, version: 5 | 7): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
