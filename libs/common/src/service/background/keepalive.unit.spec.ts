import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { keepAlive } from './keepalive.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const start = (renew: () => Promise<void>, askedAtMs = performance.now()) =>
  keepAlive({
    ttlMs: 60_000,
    renewMs: 15_000,
    askedAtMs,
    renew,
    subject: 'run 1',
    logger: silentLogger,
  });
const unreachable = async () => {
  throw new AppError('catalog.unavailable', 'gone');
};

describe('keeping a claim alive', () => {
  it('holds it as long as renewals pass', async () => {
    const { lost, stop } = start(async () => undefined);
    await jest.advanceTimersByTimeAsync(600_000);
    expect(lost.aborted).toBe(false);
    stop();
  });

  it.each([
    ['fail', unreachable],
    ['hang', () => new Promise<void>(() => undefined)],
  ])('gives it up with a quarter of its time left when renewals %s', async (_how, renew) => {
    const { lost } = start(renew);
    await jest.advanceTimersByTimeAsync(44_999);
    expect(lost.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(lost.reason).toMatchObject({ code: 'claim.lost' });
  });

  it('counts from when a renewal was sent, not from when it was answered', async () => {
    let renewals = 0;
    const { lost } = start(async () => {
      renewals += 1;
      if (renewals > 1) return unreachable();
      await new Promise((resolve) => setTimeout(resolve, 20_000));
    });
    await jest.advanceTimersByTimeAsync(15_000 + 44_999);
    expect(lost.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(lost.aborted).toBe(true);
  });

  it('counts from when the claim was asked for, not from when it was given', async () => {
    const { lost } = start(unreachable, performance.now() - 20_000);
    await jest.advanceTimersByTimeAsync(24_999);
    expect(lost.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(lost.aborted).toBe(true);
  });

  it('holds it although one renewal hangs: the next is sent all the same', async () => {
    let renewals = 0;
    const { lost, stop } = start(async () => {
      renewals += 1;
      if (renewals === 1) await new Promise(() => undefined);
    });
    await jest.advanceTimersByTimeAsync(600_000);
    expect(lost.aborted).toBe(false);
    stop();
  });

  it('is not held for shorter because the answer to an old renewal comes late', async () => {
    let renewals = 0;
    const { lost } = start(async () => {
      renewals += 1;
      if (renewals === 1) await new Promise((resolve) => setTimeout(resolve, 20_000));
      if (renewals > 2) return unreachable();
    });
    await jest.advanceTimersByTimeAsync(30_000 + 44_999);
    expect(lost.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(lost.aborted).toBe(true);
  });

  it('gives it up at once when another process has it', async () => {
    const { lost } = start(async () => {
      throw new AppError('claim.lost', 'taken');
    });
    await jest.advanceTimersByTimeAsync(15_000);
    expect(lost.reason).toMatchObject({ code: 'claim.lost', message: 'taken' });
  });

  it('does nothing more once stopped, not even for an answer that comes late', async () => {
    let renewals = 0;
    const { lost, stop } = start(async () => {
      renewals += 1;
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    });
    await jest.advanceTimersByTimeAsync(16_000);
    stop();
    await jest.advanceTimersByTimeAsync(600_000);
    expect([renewals, lost.aborted, jest.getTimerCount()]).toEqual([1, false, 0]);
  });
});
