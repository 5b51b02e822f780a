import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { decideAttemptEnd } from './attempt-end.js';

describe('the end of an attempt', () => {
  it.each([
    ['claim.lost', 2, 'lost'],
    ['run.interrupted', 0, 'given-back'],
    ['run.cancelled', 2, 'cancelled'],
    ['run.overdue', 2, 'failed'],
    ['engine.exit', 1, 'requeued'],
    ['engine.exit', 0, 'failed'],
    ['engine.spawn', 2, 'failed'],
    ['catalog.unavailable', 1, 'requeued'],
    ['internal.bug', 2, 'failed'],
  ] as const)('%s with %i attempts left: %s', (code, attemptsLeft, end) => {
    expect(decideAttemptEnd(new AppError(code, 'x'), attemptsLeft)).toBe(end);
  });
});
