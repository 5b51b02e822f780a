import { toInstantAfter } from '#common/domain/duration.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { Options } from './verb.js';

export const flag = (options: Options, name: string): boolean => options[name] === true;

export const text = (options: Options, name: string): string | undefined =>
  typeof options[name] === 'string' ? options[name] : undefined;

/** Of an option that takes several, undefined when not given. */
export const texts = (options: Options, name: string): string[] | undefined =>
  Array.isArray(options[name]) ? options[name].map(toText) : undefined;

/** Throws: request.invalid. */
export function requiredText(options: Options, name: string): string {
  const value = text(options, name);
  if (value === undefined) throw new AppError('request.invalid', `--${name} is missing`);
  return value;
}

/** A comma-separated list, undefined when not given. */
export const list = (options: Options, name: string): string[] | undefined =>
  text(options, name)
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Throws: request.invalid. */
export function wholeNumber(options: Options, name: string): number | undefined {
  const value = text(options, name);
  if (value === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(value))
    throw new AppError('request.invalid', `--${name} must be a whole number above 0, not "${value}"`);
  return Number(value);
}

/** `6h` from now, or an instant. Throws: request.invalid when it is neither, or has passed. */
export function deadline(options: Options, now: Date): Date | undefined {
  const value = text(options, 'deadline');
  if (value === undefined) return undefined;
  const at = /^\d{4}-/.test(value) ? new Date(value) : toInstantAfter(now, value);
  if (at > now) return at;
  throw new AppError(
    'request.invalid',
    `--deadline "${value}" is no instant to come`,
    {},
    {
      hint: 'Write how long from now, 6h or 1h30m, or an instant, 2026-11-21T09:30:00Z.',
    },
  );
}

/** What was given, without what was not: requests are written strictly. */
export const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
