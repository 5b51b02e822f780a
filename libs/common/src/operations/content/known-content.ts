import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, isEncryptedName, type Reference, writerMarkOf } from '#common/contracts/shared-ref.js';
import { AppError } from '#common/errors/app-error.js';

/** Digest, mark of the writer, whether it is encrypted, size, SHA-256 of the stored bytes. */
const RECORD_BYTES = 32 + 8 + 1 + 8 + 32;
const PAGE_BYTES = 4_096;
/** A page ends with the number of its records. */
const COUNT_AT = PAGE_BYTES - 2;
const RECORDS_A_PAGE = Math.floor(COUNT_AT / RECORD_BYTES);
/** Twice as many pages when so many of the records that fit are there: few pages are full then. */
const MAX_FILL = 0.8;

/**
 * Which contents are stored already, found by digest. They lie in a file, 100 to 200 bytes for each, and memory holds one page of it, however many
 * they are. The first bits of a digest say in which page it is; what finds that page full is in the next one with room. So digests in their order,
 * as references have them, go through the file in its order.
 */
export class KnownContent {
  private table: Table;
  private count = 0;

  /** `expected`: how many will be added in the order of their digests. A table that is smaller than that would fill from one end. */
  constructor(
    private readonly folder: string,
    expected = 0,
  ) {
    const pages = Math.max(1, Math.ceil(expected / (RECORDS_A_PAGE * MAX_FILL)));
    this.table = new Table(folder, Math.ceil(Math.log2(pages)));
  }

  /** The first of several with one digest stays. */
  add(reference: Reference): void {
    const record = toRecord(reference);
    if (this.table.locate(record) !== undefined) return;
    if (this.count >= this.table.pages * RECORDS_A_PAGE * MAX_FILL) this.grow();
    this.table.add(record);
    this.count += 1;
  }

  find(digest: string): Reference | undefined {
    const record = this.table.locate(Buffer.from(digest, 'hex'));
    if (record === undefined) return undefined;
    const suffix = record.readUInt8(40) === 1 ? '.zst.age' : '.zst';
    return {
      name: `${digest}-${record.toString('hex', 32, 40)}${suffix}`,
      sizeBytes: Number(record.readBigUInt64LE(41)),
      sha256: record.toString('hex', 49, 81),
    };
  }

  close(): void {
    this.table.remove();
  }

  private grow(): void {
    const larger = new Table(this.folder, this.table.bits + 1);
    for (const record of this.table.all()) larger.add(record);
    this.table.remove();
    this.table = larger;
  }
}

/** A file of 2^bits pages, never full. */
class Table {
  readonly pages: number;
  private readonly file: string;
  private readonly descriptor: number;
  private readonly page = Buffer.alloc(PAGE_BYTES);
  private number = 0;
  private isWritten = true;
  private isOpen = true;

  constructor(
    folder: string,
    readonly bits: number,
  ) {
    this.pages = 2 ** bits;
    this.file = join(folder, `known-${bits}`);
    this.descriptor = openSync(this.file, 'wx+', 0o600);
    ftruncateSync(this.descriptor, this.pages * PAGE_BYTES);
  }

  /** The record with the digest that `wanted` begins with, until the next call. */
  locate(wanted: Buffer): Buffer | undefined {
    const start = wanted.readUInt32BE(0);
    for (let number = this.homeOf(wanted); ; number = (number + 1) % this.pages) {
      this.turnTo(number);
      const count = this.page.readUInt16LE(COUNT_AT);
      for (let at = 0; at < count * RECORD_BYTES; at += RECORD_BYTES)
        if (this.page.readUInt32BE(at) === start && this.page.compare(wanted, 0, 32, at, at + 32) === 0)
          return this.page.subarray(at, at + RECORD_BYTES);
      if (count < RECORDS_A_PAGE) return undefined;
    }
  }

  /** `record` must not be there yet. */
  add(record: Buffer): void {
    this.turnTo(this.homeOf(record));
    while (this.page.readUInt16LE(COUNT_AT) === RECORDS_A_PAGE) this.turnTo((this.number + 1) % this.pages);
    const count = this.page.readUInt16LE(COUNT_AT);
    record.copy(this.page, count * RECORD_BYTES);
    this.page.writeUInt16LE(count + 1, COUNT_AT);
    this.isWritten = false;
  }

  /** Page after page, each by digest. */
  *all(): Generator<Buffer> {
    for (let number = 0; number < this.pages; number += 1) {
      this.turnTo(number);
      const count = this.page.readUInt16LE(COUNT_AT);
      const records = Array.from({ length: count }, (_, i) =>
        this.page.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES),
      );
      yield* records.sort(Buffer.compare);
    }
  }

  remove(): void {
    this.isOpen = false;
    closeSync(this.descriptor);
    rmSync(this.file, { force: true });
  }

  private homeOf(digest: Buffer): number {
    return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * this.pages);
  }

  private turnTo(number: number): void {
    // The system may have given the number of the file to another one by now.
    if (!this.isOpen) throw new AppError('internal.bug', 'the table of known contents is closed');
    if (number === this.number) return;
    if (!this.isWritten) writeSync(this.descriptor, this.page, 0, PAGE_BYTES, this.number * PAGE_BYTES);
    readSync(this.descriptor, this.page, 0, PAGE_BYTES, number * PAGE_BYTES);
    [this.number, this.isWritten] = [number, true];
  }
}

function toRecord({ name, sizeBytes, sha256 }: Reference): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(digestOf(name), 'hex');
  record.write(writerMarkOf(name), 32, 'hex');
  record.writeUInt8(isEncryptedName(name) ? 1 : 0, 40);
  record.writeBigUInt64LE(BigInt(sizeBytes), 41);
  record.write(sha256, 49, 'hex');
  return record;
}
