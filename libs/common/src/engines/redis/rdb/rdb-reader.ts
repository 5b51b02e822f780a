import { AppError } from '#common/errors/app-error.js';
import { Crc64 } from './crc64.js';
import { Cursor, STARVED } from './cursor.js';
import { type Encoding, encodingsOf, MODULE_TYPES, type RdbFlavour } from './shapes.js';
import { ValueWalker } from './value-walker.js';

/** One key, as it stands before its value. */
export interface RdbKey {
  readonly db: number;
  readonly key: Buffer;
  /** The type byte of the file. */
  readonly code: number;
  readonly encoding: Encoding;
  /** Milliseconds since 1970; undefined: it lives for ever. */
  readonly expiresAtMs: number | undefined;
  /** Seconds without use, or how often it is used, where the server evicts by that. */
  readonly idleSeconds: number | undefined;
  readonly frequency: number | undefined;
}

export interface RdbHandler {
  onHeader?(header: RdbHeader): void;
  onAux?(name: string, value: string): void;
  onFunctions?(code: Buffer): void;
  /** Returns whether the bytes of its value are wanted. */
  onKey(key: RdbKey): boolean;
  /** The value as the file has it, behind its type byte; undefined: more than `maxValueBytes`. */
  onValue?(key: RdbKey, value: Buffer | undefined): void;
}

export interface RdbHeader {
  readonly flavour: RdbFlavour;
  readonly version: number;
}

/** The newest version of each project whose values this reader knows. */
const NEWEST: Readonly<Record<RdbFlavour, number>> = { REDIS: 12, VALKEY: 80 };

const Opcode = {
  ...{ slotImport: 243, slotInfo: 244, functions: 245, moduleAux: 247, idle: 248, frequency: 249, aux: 250 },
  ...{ resize: 251, expiresAtMs: 252, expiresAt: 253, selectDb: 254, end: 255 },
} as const;

/**
 * Reads an RDB file while it streams, at flat memory: values are walked over, and kept only where the handler wants them. The file is whole
 * when `end` returns: its end mark was there, its checksum right, and nothing behind it.
 * Throws: redis.snapshot for what is damaged, cut, or newer than this reader; redis.unsupported for values of modules.
 */
export class RdbReader {
  private readonly cursor = new Cursor(Buffer.alloc(0));
  private readonly crc = new Crc64();
  private readonly walker = new ValueWalker();
  private encodings: Readonly<Record<number, Encoding>> = {};
  private version = 0;
  private state: 'header' | 'opcode' | 'value' | 'checksum' | 'done' = 'header';
  private sizeBytes = 0;
  /** Where in the current bytes the checksum goes on, and the value that is kept. */
  private crcAt = 0;
  private keptAt = 0;
  private kept: Buffer[] | undefined;
  private keptBytes = 0;
  private key: RdbKey | undefined;
  private next: { db: number; expiresAtMs?: number; idleSeconds?: number; frequency?: number } = { db: 0 };

  constructor(
    private readonly handler: RdbHandler,
    private readonly o: { readonly what: string; readonly maxValueBytes?: number },
  ) {}

  push(chunk: Buffer): void {
    const { cursor } = this;
    const rest = Math.max(cursor.bytes.length - cursor.at, 0);
    const skipped = Math.max(cursor.at - cursor.bytes.length, 0);
    cursor.bytes = rest === 0 ? chunk : Buffer.concat([cursor.bytes.subarray(cursor.at), chunk]);
    cursor.at = skipped;
    this.sizeBytes += chunk.length;
    try {
      this.read();
    } catch (error) {
      throw error instanceof RangeError ? this.damaged(error.message) : error;
    }
    this.leaveBehind();
  }

  /** Returns how many bytes the file has. */
  end(): number {
    if (this.state !== 'done')
      throw this.damaged(`it ends after ${this.sizeBytes} bytes, before its end mark and checksum`);
    return this.sizeBytes;
  }

  private read(): void {
    const { cursor } = this;
    for (;;) {
      const before = cursor.at;
      if (before > cursor.bytes.length || (before === cursor.bytes.length && this.state !== 'value')) return;
      if (!this.step()) {
        // A value notes its progress itself.
        if (this.state !== 'value') cursor.at = before;
        return;
      }
    }
  }

  private step(): boolean {
    if (this.state === 'opcode') return this.readOpcode();
    if (this.state === 'value') return this.readValue();
    if (this.state === 'header') return this.readHeader();
    if (this.state === 'checksum') return this.readChecksum();
    throw this.damaged('bytes follow its checksum');
  }

  private readHeader(): boolean {
    const text = this.cursor.raw(9)?.toString('latin1');
    if (text === undefined) return false;
    const [, magic = '', digits = ''] = /^(REDIS|VALKEY)(\d{3,4})$/.exec(text) ?? [];
    if (magic === '') throw this.damaged('it does not begin like an RDB file');
    const flavour = magic as RdbFlavour;
    this.version = Number(digits);
    if (this.version > NEWEST[flavour]) {
      const message = `${this.o.what} has RDB version ${this.version}; this program reads ${flavour} up to ${NEWEST[flavour]}`;
      throw new AppError('redis.unsupported', message, { version: this.version });
    }
    this.encodings = encodingsOf(flavour);
    this.handler.onHeader?.({ flavour, version: this.version });
    this.state = 'opcode';
    return true;
  }

  private readOpcode(): boolean {
    const { cursor } = this;
    const code = cursor.byte();
    switch (code) {
      case Opcode.selectDb: {
        const db = cursor.length();
        this.next = { db };
        return db !== STARVED;
      }
      case Opcode.resize:
        return this.skipLengths(2);
      case Opcode.slotInfo:
        return this.skipLengths(3);
      case Opcode.aux:
        return this.readAux();
      case Opcode.functions:
        return this.readFunctions();
      case Opcode.moduleAux:
        throw new AppError('redis.unsupported', `${this.o.what} has data of a module beside its keys`);
      case Opcode.slotImport:
        throw new AppError('redis.changing', `${this.o.what} was taken while slots moved between servers`);
      case Opcode.end:
        this.crc.update(cursor.bytes, this.crcAt, cursor.at);
        this.crcAt = cursor.at;
        this.state = 'checksum';
        return true;
      default:
        return this.readAboutKey(code);
    }
  }

  /** What stands before a key: when it ends, and how it is used. */
  private readAboutKey(code: number): boolean {
    const { cursor, next } = this;
    if (code === Opcode.expiresAtMs) {
      const bytes = cursor.raw(8);
      if (bytes !== undefined) next.expiresAtMs = Number(bytes.readBigInt64LE());
      return bytes !== undefined;
    }
    if (code === Opcode.expiresAt) {
      const bytes = cursor.raw(4);
      if (bytes !== undefined) next.expiresAtMs = bytes.readInt32LE() * 1_000;
      return bytes !== undefined;
    }
    if (code === Opcode.idle) {
      next.idleSeconds = cursor.length();
      return next.idleSeconds !== STARVED;
    }
    if (code === Opcode.frequency) {
      next.frequency = cursor.byte();
      return next.frequency !== STARVED;
    }
    return this.readKey(code);
  }

  private readFunctions(): boolean {
    const functions = this.cursor.string();
    if (functions !== undefined) this.handler.onFunctions?.(functions);
    return functions !== undefined;
  }

  private skipLengths(count: number): boolean {
    for (let left = count; left > 0; left -= 1) if (this.cursor.length() === STARVED) return false;
    return true;
  }

  private readAux(): boolean {
    const name = this.cursor.string();
    const value = name === undefined ? undefined : this.cursor.string();
    if (name === undefined || value === undefined) return false;
    this.handler.onAux?.(name.toString(), value.toString());
    return true;
  }

  private readKey(code: number): boolean {
    const key = this.cursor.string();
    if (key === undefined) return false;
    const { next } = this;
    const encoding = this.encodings[code];
    if (encoding === undefined) throw this.unknownValue(code, key);
    const { expiresAtMs, idleSeconds, frequency } = next;
    this.key = { db: next.db, key, code, encoding, expiresAtMs, idleSeconds, frequency };
    this.next = { db: next.db };
    if (this.handler.onKey(this.key)) {
      this.kept = [];
      this.keptAt = this.cursor.at;
      this.keptBytes = 0;
    }
    this.walker.begin(encoding.shape);
    this.state = 'value';
    return true;
  }

  private readValue(): boolean {
    if (!this.walker.walk(this.cursor)) return false;
    this.state = 'opcode';
    this.endValue();
    return true;
  }

  private endValue(): void {
    const { kept, key, cursor } = this;
    if (kept === undefined || key === undefined) return;
    this.keep(cursor.at);
    this.kept = undefined;
    const isTooLarge = this.keptBytes > (this.o.maxValueBytes ?? Number.POSITIVE_INFINITY);
    const value = kept.length === 1 ? kept[0] : Buffer.concat(kept);
    this.handler.onValue?.(key, isTooLarge ? undefined : value);
  }

  private keep(upTo: number): void {
    if (this.kept === undefined) return;
    const part = this.cursor.bytes.subarray(this.keptAt, upTo);
    this.keptBytes += part.length;
    this.keptAt = upTo;
    if (this.keptBytes > (this.o.maxValueBytes ?? Number.POSITIVE_INFINITY)) this.kept.length = 0;
    else this.kept.push(part);
  }

  private readChecksum(): boolean {
    // Before version 5 there was none.
    const expected = this.version < 5 ? Buffer.alloc(8) : this.cursor.raw(8);
    if (expected === undefined) return false;
    const isOff = expected.every((byte) => byte === 0);
    if (!isOff && !this.crc.digest().equals(expected)) throw this.damaged('its checksum is not that of its bytes');
    this.state = 'done';
    return true;
  }

  /** The bytes that were read are done with: into the checksum, and what is kept of them into a list. */
  private leaveBehind(): void {
    const { cursor } = this;
    const upTo = Math.min(cursor.at, cursor.bytes.length);
    this.keep(upTo);
    this.keptAt = 0;
    if (this.state !== 'checksum' && this.state !== 'done') this.crc.update(cursor.bytes, this.crcAt, upTo);
    this.crcAt = 0;
  }

  private unknownValue(code: number, key: Buffer): AppError {
    if (!MODULE_TYPES.has(code)) return this.damaged(`value of an unknown type ${code} at byte ${this.sizeBytes}`);
    const name = JSON.stringify(key.toString().slice(0, 100));
    return new AppError('redis.unsupported', `${this.o.what} has a value of a module under the key ${name}`);
  }

  private damaged(reason: string): AppError {
    return new AppError('redis.snapshot', `${this.o.what} is no whole RDB file: ${reason}`);
  }
}
