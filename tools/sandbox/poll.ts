import { setTimeout as sleep } from 'node:timers/promises';
import { Trouble, type TroubleDetails } from './trouble.js';

export interface PollOptions extends TroubleDetails {
  readonly signal: AbortSignal;
  /** What is waited for, in the words of the error. */
  readonly what: string;
  readonly timeoutMs?: number;
}

/** Asks again every 100 ms until there is an answer. A question that throws counts as no answer. */
export async function poll<T>(ask: () => Promise<T | undefined>, options: PollOptions): Promise<T> {
  const { signal, what, timeoutMs = 60_000, ...details } = options;
  const endsAt = performance.now() + timeoutMs;
  let reason: unknown;
  while (performance.now() < endsAt) {
    signal.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      reason = error;
    }
    await sleep(100, undefined, { signal });
  }
  const why = reason instanceof Error ? `: ${reason.message}` : '';
  throw new Trouble(`${what} did not happen within ${timeoutMs / 1000} s${why}`, details);
}
