import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, isEncryptedName, type Reference, writerMarkOf } from '#common/contracts/shared-ref.js';

/** Digest, mark of the writer, whether it is encrypted, size, SHA-256 of the stored bytes. */
const RECORD_BYTES = 32 + 8 + 1 + 8 + 32;
const BUFFERED_RECORDS = 1_024;

/**
 * Which contents are stored already, found by digest. The records lie in a file; memory holds eight to sixteen bytes for each, so that ten million of
 * them fit beside everything else.
 */
export class KnownContent {
  private readonly descriptor: number;
  private readonly buffer = Buffer.alloc(RECORD_BYTES * BUFFERED_RECORDS);
  /** Numbers of records from 1 on, at the place that the digest says or the next free one behind it. */
  private slots = new Uint32Array(1 << 12);
  private count = 0;
  private flushed = 0;

  constructor(folder: string) {
    this.descriptor = openSync(join(folder, 'known'), 'wx+', 0o600);
  }

  /** The first of several with one digest stays. */
  add(reference: Reference): void {
    const digest = Buffer.from(digestOf(reference.name), 'hex');
    if (this.locate(digest) !== undefined) return;
    if (this.count - this.flushed === BUFFERED_RECORDS) this.flush();
    const record = this.buffer.subarray((this.count - this.flushed) * RECORD_BYTES);
    digest.copy(record);
    record.write(writerMarkOf(reference.name), 32, 'hex');
    record.writeUInt8(isEncryptedName(reference.name) ? 1 : 0, 40);
    record.writeBigUInt64LE(BigInt(reference.sizeBytes), 41);
    record.write(reference.sha256, 49, 'hex');
    this.count += 1;
    if (this.count * 2 > this.slots.length) this.grow();
    else this.place(this.slots, digest, this.count);
  }

  find(digest: string): Reference | undefined {
    const record = this.locate(Buffer.from(digest, 'hex'));
    if (record === undefined) return undefined;
    const suffix = record.readUInt8(40) === 1 ? '.zst.age' : '.zst';
    return {
      name: `${digest}-${record.toString('hex', 32, 40)}${suffix}`,
      sizeBytes: Number(record.readBigUInt64LE(41)),
      sha256: record.toString('hex', 49, 81),
    };
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private locate(digest: Buffer): Buffer | undefined {
    const mask = this.slots.length - 1;
    for (let at = digest.readUInt32LE(0) & mask; ; at = (at + 1) & mask) {
      const number = this.slots[at] ?? 0;
      if (number === 0) return undefined;
      const record = this.read(number - 1);
      if (record.compare(digest, 0, 32, 0, 32) === 0) return record;
    }
  }

  private place(slots: Uint32Array, digest: Buffer, number: number): void {
    const mask = slots.length - 1;
    let at = digest.readUInt32LE(0) & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = number;
  }

  private grow(): void {
    const slots = new Uint32Array(this.slots.length * 2);
    const chunk = Buffer.alloc(this.buffer.length);
    this.flush();
    for (let first = 0; first < this.count; first += BUFFERED_RECORDS) {
      const records = Math.min(BUFFERED_RECORDS, this.count - first);
      readSync(this.descriptor, chunk, 0, records * RECORD_BYTES, first * RECORD_BYTES);
      for (let i = 0; i < records; i += 1)
        this.place(slots, chunk.subarray(i * RECORD_BYTES, i * RECORD_BYTES + 32), first + i + 1);
    }
    this.slots = slots;
  }

  private read(index: number): Buffer {
    if (index >= this.flushed) {
      const start = (index - this.flushed) * RECORD_BYTES;
      return this.buffer.subarray(start, start + RECORD_BYTES);
    }
    const record = Buffer.alloc(RECORD_BYTES);
    readSync(this.descriptor, record, 0, RECORD_BYTES, index * RECORD_BYTES);
    return record;
  }

  private flush(): void {
    const records = this.count - this.flushed;
    writeSync(this.descriptor, this.buffer, 0, records * RECORD_BYTES, this.flushed * RECORD_BYTES);
    this.flushed = this.count;
  }
}
