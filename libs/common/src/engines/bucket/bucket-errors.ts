import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';

/** What the adapter for repositories says of a server, said of a bucket that is protected or restored to. */
const CODES: Readonly<Partial<Record<Code, Code>>> = {
  'repository.unavailable': 'bucket.unreachable',
  'repository.denied': 'bucket.denied',
  'repository.locked': 'bucket.denied',
  'repository.missing': 'bucket.missing',
  'repository.full': 'bucket.full',
  'repository.exists': 'bucket.changed',
  'repository.object-missing': 'bucket.changed',
  'repository.protocol': 'bucket.protocol',
};

/** Its hint speaks of a repository, so the code's own is given instead. */
export function toBucketError(error: unknown, bucket: string): unknown {
  if (!(error instanceof AppError)) return error;
  const code = CODES[error.code];
  if (code === undefined) return error;
  return new AppError(code, `bucket ${bucket}: ${error.message}`, error.context, { cause: error });
}

export const isCode = (error: unknown, ...codes: readonly Code[]): error is AppError =>
  error instanceof AppError && codes.includes(error.code);

/** The server takes no object of this key, whatever is in it: too long, below a key that is an object there, a form that it does not have. */
export const isKeyRefused = (error: unknown): boolean =>
  isCode(error, 'bucket.protocol') && [400, 409].includes(Number(error.context['status']));
