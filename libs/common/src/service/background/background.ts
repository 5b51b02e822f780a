import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, toBackoffMs } from '#common/domain/backoff.js';
import { AppError } from '#common/errors/app-error.js';

export interface Background {
  /** Ends the work, leaves the rest to another process, and resolves when nothing of it works any more. */
  stop(): Promise<void>;
}

/** Begins work that lasts until `stopping` fires, and never rejects. */
export function inBackground(work: (stopping: AbortSignal) => Promise<unknown>): Background {
  const control = new AbortController();
  const working = work(control.signal);
  return {
    stop: async () => {
      control.abort(new AppError('run.interrupted', 'the process is shutting down'));
      await working;
    },
  };
}

export interface RepeatOptions {
  /** From the end of one time to the beginning of the next. */
  readonly everyMs: number;
  /** The pause after failures. Default: `everyMs`. */
  readonly backoff?: Backoff | undefined;
  /** Not called for what fails because the process stops. `failures`: in a row. */
  readonly onFailure: (error: unknown, failures: number) => void;
}

/** Does the work again and again until `stopping` fires; a failure does not end it. Never rejects. */
export async function repeat(
  work: () => Promise<unknown>,
  { everyMs, backoff, onFailure }: RepeatOptions,
  stopping: AbortSignal,
): Promise<void> {
  for (let failures = 0; !stopping.aborted; ) {
    try {
      await work();
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!stopping.aborted) onFailure(error, failures);
    }
    const isRegular = failures === 0 || backoff === undefined;
    await pause(isRegular ? everyMs : toBackoffMs(failures, backoff, Math.random()), stopping);
  }
}

/** Resolves after the time, and at once when the signal fires. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
