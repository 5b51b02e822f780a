import { AppError, toAppError } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';

export interface KeepaliveOptions {
  readonly ttlMs: number;
  readonly renewMs: number;
  /** `performance.now()` before the claim was asked for: the database counts its time to live from a later instant. */
  readonly askedAtMs: number;
  /** Throws claim.lost when it is gone; anything else is tried again until the time is over. */
  readonly renew: (until: AbortSignal) => Promise<void>;
  /** For the log and the reason: `run 0198…`. */
  readonly subject: string;
  readonly logger: Logger;
}

export interface Keepalive {
  /** Fires when the claim is lost, and before it can be: with a quarter of its time left for ending what works under it. */
  readonly lost: AbortSignal;
  stop(): void;
}

/** Part of the time to live that is left when `lost` fires. */
const MARGIN = 0.25;

/**
 * Renews a claim until stopped. `lost` fires by this process's monotonic clock, so also when the catalog cannot be reached, a
 * renewal hangs, or the wall clock jumps.
 */
export function keepAlive({ ttlMs, renewMs, askedAtMs, renew, subject, logger }: KeepaliveOptions): Keepalive {
  const lost = new AbortController();
  const lose = (reason: AppError) => {
    if (lost.signal.aborted) return;
    stop();
    lost.abort(reason);
  };
  let renewal: NodeJS.Timeout | undefined;
  let alarm: NodeJS.Timeout | undefined;

  const armAlarm = (sinceMs: number) => {
    clearTimeout(alarm);
    const leftMs = sinceMs + ttlMs * (1 - MARGIN) - performance.now();
    alarm = setTimeout(() => {
      lose(new AppError('claim.lost', `the claim on ${subject} could not be renewed in time`));
    }, leftMs);
  };

  const beat = async () => {
    const sentAtMs = performance.now();
    // Not after the answer: one that hangs, on a connection that a firewall dropped in silence, must not keep the next from another.
    renewal = setTimeout(() => void beat(), renewMs);
    try {
      await renew(lost.signal);
      if (isStopped || sentAtMs < renewedAtMs) return;
      renewedAtMs = sentAtMs;
      armAlarm(sentAtMs);
    } catch (error) {
      const problem = toAppError(error);
      if (problem.code === 'claim.lost') lose(problem);
      else if (!isStopped) logger.warn({ err: problem }, 'claim not renewed');
    }
  };

  let isStopped = false;
  let renewedAtMs = askedAtMs;
  const stop = () => {
    isStopped = true;
    clearTimeout(renewal);
    clearTimeout(alarm);
  };

  armAlarm(askedAtMs);
  renewal = setTimeout(() => void beat(), renewMs);
  return { lost: lost.signal, stop };
}
