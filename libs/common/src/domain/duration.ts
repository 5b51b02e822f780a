import { AppError } from '#common/errors/app-error.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A month has no fixed length, so there is none. A day is 24 hours, whatever the clocks of a zone do. */
const units: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  y: 365 * DAY_MS,
};

/** `30d`, `12h`, `1w2d`: whole numbers with m, h, d, w or y (365 days), in milliseconds. Throws: request.invalid. */
export function parseDuration(text: string): number {
  if (!/^(\d{1,6}[mhdwy])+$/.test(text)) throw toInvalid(text);
  const parts = Array.from(text.matchAll(/(\d+)([mhdwy])/g), ([, count, unit = '']) => {
    return Number(count) * (units[unit] ?? 0);
  });
  const sum = parts.reduce((total, part) => total + part, 0);
  if (sum === 0) throw toInvalid(text);
  return sum;
}

/** `now` and a duration as `parseDuration` reads it. Throws: request.invalid. */
export const toInstantAfter = (now: Date, duration: string): Date => new Date(now.getTime() + parseDuration(duration));

/** The shortest text that `parseDuration` reads back; less than a minute is rounded up. */
export function toDurationText(ms: number): string {
  let rest = Math.max(Math.ceil(ms / MINUTE_MS), 1) * MINUTE_MS;
  const parts: string[] = [];
  for (const unit of ['d', 'h', 'm']) {
    const size = units[unit] ?? MINUTE_MS;
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${unit}`);
    rest %= size;
  }
  return parts.join('');
}

const toInvalid = (text: string): AppError =>
  new AppError('request.invalid', `"${text}" is not a duration`, {}, { hint: 'Write 30d, 12h, 2w, 1y or 1d12h.' });
