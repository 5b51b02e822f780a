import { z } from 'zod';
import { parseDuration } from '#common/domain/duration.js';
import type { AppError } from '#common/errors/app-error.js';

export const Duration = z.string().superRefine((text, context) => {
  try {
    parseDuration(text);
  } catch (error) {
    const { hint, message } = error as AppError;
    context.addIssue({ code: 'custom', message: `${message}; ${hint}` });
  }
});

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const Count = z.int().min(1).max(10_000).optional();

/** How long the backups of one dataset are kept. Every rule adds to what is kept; without any, everything is. */
export const RetentionConfig = z.strictObject({
  within: Duration.optional().describe('Everything younger: 30d, 12h, 2w, 1y'),
  last: Count.describe('The newest so many'),
  daily: Count.describe('The newest of each of so many days that have a backup'),
  weekly: Count.describe('The same by week, from Monday'),
  monthly: Count.describe('The same by month'),
  yearly: Count.describe('The same by year'),
  safetyWithin: Duration.optional().describe('Dumps taken before a restore in place; default: as `within`'),
  zone: z
    .string()
    .refine(isZone, { error: 'must be an IANA zone such as Europe/Berlin' })
    .default('UTC')
    .describe('IANA zone in which days begin'),
  minimumGood: z.int().min(1).max(1_000).default(3).describe('The newest so many stay, whatever the rules say'),
  cap: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('Backups that one sweep marks at most, and as many that it deletes'),
});

export type RetentionConfig = z.output<typeof RetentionConfig>;
