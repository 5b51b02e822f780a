import { setTimeout as sleep } from 'node:timers/promises';
import type { AppProcess } from '#tools/platform/app-process.js';

export interface Answers {
  readonly asked: number;
  readonly failed: number;
  readonly maxMs: number;
}

/** Asks a service again and again whether it lives, as an orchestrator does that restarts it when it does not answer. */
export function watchHealth(app: AppProcess, everyMs: number): { stop(): Promise<Answers> } {
  const stopping = new AbortController();
  const answers = { asked: 0, failed: 0, maxMs: 0 };
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const askedAtMs = performance.now();
      const isGood = await fetch(new URL('/health/ready', app.url))
        .then((response) => response.ok)
        .catch(() => false);
      answers.asked += 1;
      answers.failed += isGood ? 0 : 1;
      answers.maxMs = Math.max(answers.maxMs, performance.now() - askedAtMs);
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
      return answers;
    },
  };
}
