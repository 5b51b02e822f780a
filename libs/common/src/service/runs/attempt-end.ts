import type { AppError } from '#common/errors/app-error.js';

/** What becomes of a run whose handler did not settle it. `waiting`: queued again, and the attempt does not count. */
export type AttemptEnd = 'lost' | 'given-back' | 'cancelled' | 'waiting' | 'requeued' | 'failed';

export interface Chances {
  /** After this attempt. */
  readonly attemptsLeft: number;
  /** How long the run may still wait for what passes by itself. */
  readonly patienceLeftMs: number;
}

/** A worker leaves the run of another alone, gives its own back when it leaves, and waits for what passes by itself before it counts attempts. */
export function decideAttemptEnd(error: AppError, { attemptsLeft, patienceLeftMs }: Chances): AttemptEnd {
  if (error.code === 'claim.lost') return 'lost';
  if (error.code === 'run.interrupted') return 'given-back';
  if (error.code === 'run.cancelled') return 'cancelled';
  if (error.passes && patienceLeftMs > 0) return 'waiting';
  return error.retryable && attemptsLeft > 0 ? 'requeued' : 'failed';
}

export interface Outage {
  readonly now: Date;
  /** When an attempt first met it. */
  readonly since: Date;
  readonly deadlineAt: Date | null;
  /** For runs without a deadline. */
  readonly patienceMs: number;
}

/** A run with a deadline waits until then. */
export const toPatienceLeftMs = ({ now, since, deadlineAt, patienceMs }: Outage): number =>
  (deadlineAt?.getTime() ?? since.getTime() + patienceMs) - now.getTime();
