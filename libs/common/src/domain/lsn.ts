import { AppError } from '#common/errors/app-error.js';

/** A PostgreSQL write-ahead log position in its text form, `16/B374D848`. */
export type Lsn = string & { readonly __brand: 'Lsn' };

const LSN = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;

/** Throws: request.invalid. */
export function parseLsn(text: string): Lsn {
  if (!LSN.test(text)) throw new AppError('request.invalid', `"${text}" is not a WAL position like 16/B374D848`);
  return text.toUpperCase() as Lsn;
}

/** The position as a byte count, so that positions can be compared and subtracted. */
export function toLsnBytes(lsn: Lsn): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function compareLsn(a: Lsn, b: Lsn): -1 | 0 | 1 {
  const [left, right] = [toLsnBytes(a), toLsnBytes(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}
