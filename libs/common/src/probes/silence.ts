import { toText } from '#common/errors/printable.js';

interface Failure {
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** Why a server did not answer. `fetch failed` says nothing: the cause below it does, or the first of several. */
export function toReason(error: unknown): string {
  if (error === null || typeof error !== 'object') return toText(error);
  const { message, cause, errors } = error as Failure;
  const below = errors?.[0] ?? cause;
  return below === null || typeof below !== 'object' ? (message ?? toText(error)) : toReason(below);
}
