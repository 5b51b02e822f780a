import { setTimeout as sleep } from 'node:timers/promises';

export interface PatienceOptions {
  readonly signal: AbortSignal;
  /** Whether the server has done what it was asked for, whatever it will answer. */
  readonly isDone: () => Promise<boolean>;
  readonly lookEveryMs: number;
  readonly patienceMs: number;
}

/**
 * Sends a request on which a server may work for long without a byte. Resolves with its answer, or when what was asked for is seen to be
 * done; after the patience it is given up, for another try. Throws: what `send` throws, a `TimeoutError`, the abort reason.
 */
export async function sendPatiently(
  send: (signal: AbortSignal) => Promise<unknown>,
  { signal, isDone, lookEveryMs, patienceMs }: PatienceOptions,
): Promise<void> {
  const enough = new AbortController();
  const answered = send(AbortSignal.any([signal, enough.signal])).then(() => true);
  // It is also left behind.
  answered.catch(() => undefined);
  try {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookEveryMs) {
      const pause = sleep(lookEveryMs, false, { signal: enough.signal });
      pause.catch(() => undefined);
      if ((await Promise.race([answered, pause])) || (await isDone().catch(() => false))) return;
    }
    throw Object.assign(new Error(`no answer within ${patienceMs / 1_000} s`), { name: 'TimeoutError' });
  } finally {
    enough.abort();
  }
}
