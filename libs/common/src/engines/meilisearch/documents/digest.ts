import { createHash } from 'node:crypto';
import { isExactNumber, parseExactJson, toDecimal } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';

const BITS = 256;

/** The same for the same documents, in whatever order they and their fields come. */
export class DocumentsDigest {
  count = 0;
  private sum = 0n;

  /** Of hashes of whole documents the sum is taken: unlike with XOR, two equal ones do not cancel out. */
  add(document: Buffer): void {
    this.count += 1;
    this.sum += BigInt(`0x${digestOf(parseExactJson(document.toString('utf8')))}`);
  }

  get sha256(): string {
    return BigInt.asUintN(BITS, this.sum)
      .toString(16)
      .padStart(BITS / 4, '0');
  }
}

/** Of a JSON value, in whatever order its members come. */
export const digestOf = (value: Json): string => createHash('sha256').update(toSortedJson(value)).digest('hex');

/** Here null is a value: an index tells it from an absent field. */
function toSortedJson(value: Json): string {
  if (isExactNumber(value)) return toDecimal(value.rawJSON);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => toSortedJson(item)).join(',')}]`;
  const members = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${toSortedJson(member)}`).join(',')}}`;
}
