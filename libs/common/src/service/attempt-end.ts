import type { AppError } from '#common/errors/app-error.js';

/** What becomes of a run whose handler did not settle it. */
export type AttemptEnd = 'lost' | 'given-back' | 'cancelled' | 'requeued' | 'failed';

/** Given why the attempt ended and how many are left after it. Someone else's run is left alone; a leaving worker gives back. */
export function decideAttemptEnd(error: AppError, attemptsLeft: number): AttemptEnd {
  if (error.code === 'claim.lost') return 'lost';
  if (error.code === 'run.interrupted') return 'given-back';
  if (error.code === 'run.cancelled') return 'cancelled';
  return error.retryable && attemptsLeft > 0 ? 'requeued' : 'failed';
}
