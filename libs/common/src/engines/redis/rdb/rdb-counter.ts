import { createHash } from 'node:crypto';
import { type DatabaseFacts, type SampledValue, toKeyText } from '#common/engines/redis/facts.js';
import { digestContent } from './content-digest.js';
import { hashKey, type KeyHash } from './key-hash.js';
import type { RdbHandler, RdbHeader, RdbKey } from './rdb-reader.js';
import type { ValueType } from './shapes.js';
import { parseValue } from './value-content.js';

/** Seeds of the hash, so that a key that changed its type is another. */
export const TYPE_SEEDS: Readonly<Record<ValueType, number>> = {
  string: 1,
  list: 2,
  set: 3,
  zset: 4,
  hash: 5,
  stream: 6,
};

/** Larger values are left out of the sample: each is in memory whole. */
export const MAX_SAMPLE_BYTES = 1024 * 1024;

interface Tally {
  keys: number;
  expiring: number;
  fieldTimes: number;
  readonly types: Partial<Record<ValueType, { keys: number; expiring: number }>>;
  readonly sum: KeySum;
}

/** Counts what an RDB file holds while a reader walks over it, and takes a sample of its values. */
export class RdbCounter implements RdbHandler {
  header: RdbHeader | undefined;
  readonly aux = new Map<string, string>();
  readonly functions: { readonly name: string; readonly sha256: string }[] = [];
  private readonly tallies = new Map<number, Tally>();
  private readonly sample: SmallestHashes;
  private readonly hash: KeyHash = { low: 0, high: 0 };

  /** `only`: of the other databases nothing is counted. */
  constructor(
    sampleSize = 64,
    private readonly only?: number,
  ) {
    this.sample = new SmallestHashes(sampleSize);
  }

  onHeader(header: RdbHeader): void {
    this.header = header;
  }

  onAux(name: string, value: string): void {
    this.aux.set(name, value);
  }

  onFunctions(code: Buffer): void {
    this.functions.push({ name: toLibraryName(code), sha256: createHash('sha256').update(code).digest('hex') });
  }

  onKey({ db, key, encoding, expiresAtMs }: RdbKey): boolean {
    if (this.only !== undefined && db !== this.only) return false;
    const tally = this.tallyOf(db);
    const ofType = tally.types[encoding.type] ?? { keys: 0, expiring: 0 };
    tally.types[encoding.type] = ofType;
    tally.keys += 1;
    ofType.keys += 1;
    if (encoding.hasFieldTimes) tally.fieldTimes += 1;
    hashKey(key, TYPE_SEEDS[encoding.type], this.hash);
    if (expiresAtMs === undefined) tally.sum.add(this.hash);
    else {
      tally.expiring += 1;
      ofType.expiring += 1;
    }
    return this.sample.wants(this.hash.high);
  }

  onValue({ db, key, code, encoding, expiresAtMs }: RdbKey, value: Buffer | undefined): void {
    const content = value === undefined ? undefined : parseValue(code, value);
    const sha256 = content === undefined ? undefined : digestContent(content);
    if (sha256 === undefined) return;
    hashKey(key, TYPE_SEEDS[encoding.type], this.hash);
    this.sample.add(this.hash.high, {
      db,
      key: toKeyText(key),
      type: encoding.type,
      expiring: expiresAtMs !== undefined,
      ...(expiresAtMs === undefined ? {} : { endsAtMs: Number(expiresAtMs) }),
      sha256,
    });
  }

  get databases(): DatabaseFacts[] {
    return [...this.tallies]
      .sort(([a], [b]) => a - b)
      .map(([db, { sum, ...counts }]) => ({ db, ...counts, digest: sum.toString() }));
  }

  get samples(): readonly SampledValue[] {
    return this.sample.values;
  }

  private tallyOf(db: number): Tally {
    let tally = this.tallies.get(db);
    if (tally === undefined) {
      tally = { keys: 0, expiring: 0, fieldTimes: 0, types: {}, sum: new KeySum() };
      this.tallies.set(db, tally);
    }
    return tally;
  }
}

/** A sum of hashes, modulo 2^32 for each lane. */
export class KeySum {
  private low = 0;
  private high = 0;

  add({ low, high }: KeyHash): void {
    this.low = (this.low + low) | 0;
    this.high = (this.high + high) | 0;
  }

  /** The sum over both: of the same keys, in whatever parts they were added. */
  static total(digests: readonly string[]): string {
    const sum = new KeySum();
    for (const digest of digests) {
      sum.add({ high: Number.parseInt(digest.slice(0, 8), 16), low: Number.parseInt(digest.slice(8), 16) });
    }
    return sum.toString();
  }

  toString(): string {
    return [this.high, this.low].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/** Keeps the values whose keys have the smallest hashes: every key has the same chance, however many follow. */
class SmallestHashes {
  private readonly kept: { readonly hash: number; readonly value: SampledValue }[] = [];

  constructor(private readonly size: number) {}

  get values(): readonly SampledValue[] {
    return this.kept.map(({ value }) => value);
  }

  wants(hash: number): boolean {
    const largest = this.kept.at(-1);
    return this.kept.length < this.size || (largest !== undefined && hash < largest.hash);
  }

  add(hash: number, value: SampledValue): void {
    const at = this.kept.findIndex((each) => each.hash > hash);
    this.kept.splice(at < 0 ? this.kept.length : at, 0, { hash, value });
    if (this.kept.length > this.size) this.kept.pop();
  }
}

/** "#!lua name=orders" is the first line of every library. */
const toLibraryName = (code: Buffer): string =>
  /^#!.*\bname=(\S+)/.exec(code.subarray(0, 512).toString().split('\n')[0] ?? '')?.[1] ?? '?';
