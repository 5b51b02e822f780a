import { setTimeout as sleep } from 'node:timers/promises';

export interface Waiting {
  /** A verdict, not a pause: what is waited for comes within it, or never. Default 45 s. */
  readonly timeoutMs?: number;
  /** Added to the error, so that a spec that waited in vain says what it saw instead. */
  readonly explain?: () => string;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

/** Looks again until `look` answers with something, and returns that. Throws saying what was waited for. */
export async function waitUntil<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 45_000, explain = () => '', signal }: Waiting = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}\n${explain()}`);
    await sleep(40, undefined, { signal });
  }
}
