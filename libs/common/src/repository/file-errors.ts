import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';

const CODES: Readonly<Record<string, Code>> = {
  EACCES: 'repository.denied',
  EPERM: 'repository.denied',
  EROFS: 'repository.denied',
  EEXIST: 'repository.exists',
  ENOSPC: 'repository.full',
  EDQUOT: 'repository.full',
  EFBIG: 'repository.full',
};

const HINTS: Readonly<Record<string, string>> = {
  EROFS: 'The file system is mounted read-only; remount it, or name another repository.',
  EACCES: 'Give the user that Holdfast runs as the right to read and write below the directory.',
  EPERM: 'Give the user that Holdfast runs as the right to read and write below the directory.',
};

export const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** An error of the file system as one of ours; anything that is no file-system error stays what it is. */
export function toFileRepositoryError(error: unknown, what: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof AppError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const hint = HINTS[errno];
  const options = { cause: error, ...(hint === undefined ? {} : { hint }) };
  return new AppError(CODES[errno] ?? 'repository.unavailable', `cannot ${what}: ${errno}`, { errno }, options);
}
