import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { decideAttemptEnd, toPatienceLeftMs } from './attempt-end.js';

describe('the end of an attempt', () => {
  it.each([
    ['claim.lost', 2, 0, 'lost'],
    ['run.interrupted', 0, 0, 'given-back'],
    ['run.cancelled', 2, 0, 'cancelled'],
    ['run.overdue', 2, 1, 'failed'],
    ['engine.exit', 1, 1, 'requeued'],
    ['engine.exit', 0, 1, 'failed'],
    ['engine.spawn', 2, 1, 'failed'],
    ['catalog.unavailable', 1, 0, 'requeued'],
    ['internal.bug', 2, 1, 'failed'],
    ['postgres.auth', 2, 1, 'failed'],
    ['postgres.unreachable', 0, 1, 'waiting'],
    ['repository.unavailable', 2, 1, 'waiting'],
    ['postgres.locked', 0, 0, 'failed'],
    ['postgres.locked', 1, -1, 'requeued'],
  ] as const)('%s with %i attempts and %i ms of patience left: %s', (code, attemptsLeft, patienceLeftMs, end) => {
    expect(decideAttemptEnd(new AppError(code, 'x'), { attemptsLeft, patienceLeftMs })).toBe(end);
  });
});

describe('patience', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 2, minute));
  it.each([
    ['begins with the outage', { now: at(0), since: at(0), deadlineAt: null, patienceMs: 600_000 }, 600_000],
    ['ends by itself', { now: at(11), since: at(0), deadlineAt: null, patienceMs: 600_000 }, -60_000],
    ['lasts until the deadline', { now: at(11), since: at(0), deadlineAt: at(30), patienceMs: 0 }, 1_140_000],
    ['does not outlast the deadline', { now: at(11), since: at(10), deadlineAt: at(12), patienceMs: 600_000 }, 60_000],
  ])('%s', (_, outage, leftMs) => {
    expect(toPatienceLeftMs(outage)).toBe(leftMs);
  });
});
