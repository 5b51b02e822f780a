import { waitUntil } from '#tools/platform/wait-until.js';
import { Trouble, type TroubleDetails } from './trouble.js';

export interface PollOptions extends TroubleDetails {
  readonly signal: AbortSignal;
  /** What is waited for, in the words of the error. */
  readonly what: string;
  readonly timeoutMs?: number;
}

/** Asks again until there is an answer. A question that throws counts as no answer. Throws: Trouble; the abort reason. */
export async function poll<T>(ask: () => Promise<T | undefined>, options: PollOptions): Promise<T> {
  const { signal, what, timeoutMs = 60_000, ...details } = options;
  let reason: unknown;
  const look = () =>
    ask().catch((error: unknown) => {
      reason = error;
      return undefined;
    });
  try {
    return await waitUntil(what, look, { timeoutMs, signal });
  } catch {
    signal.throwIfAborted();
    const why = reason instanceof Error ? `: ${reason.message}` : '';
    throw new Trouble(`${what} did not happen within ${timeoutMs / 1000} s${why}`, details);
  }
}
