import { AppError } from '#common/errors/app-error.js';
import type { Options } from './verb.js';

export const flag = (options: Options, name: string): boolean => options[name] === true;

export const text = (options: Options, name: string): string | undefined =>
  typeof options[name] === 'string' ? options[name] : undefined;

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

/** What was given, without what was not: requests are written strictly. */
export const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
