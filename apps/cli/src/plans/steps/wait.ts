import { setTimeout as sleep } from 'node:timers/promises';
import type { StepOf } from '#common/config/plans/plan-steps.js';
import { exchange } from '#common/probes/http/exchange.js';
import { checkAnswer, wantedStatuses } from '#common/probes/http/expectations.js';
import type { HttpRequest } from '#common/probes/http/params.js';
import { findUnreachable } from '../reachable-check.js';
import { defineWorker } from '../step-worker.js';

type Step = StepOf<'wait'>;

const LOOK_MS = 10_000;

export const wait = defineWorker('wait', {
  describe: ({ http, tcp, forMs }) => {
    if (http !== undefined) return `waits until ${http.url} answers`;
    return tcp === undefined ? `waits ${(forMs ?? 0) / 1_000} s` : `waits until ${tcp} takes connections`;
  },
  checks: () => [],
  async run(step, { signal, tell }) {
    if (step.forMs !== undefined) {
      await sleep(step.forMs, undefined, { signal });
      return { outputs: {}, evidence: {}, said: `waited ${step.forMs / 1_000} s` };
    }
    for (let looks = 1; ; looks += 1) {
      const problem = await look(step, signal);
      signal.throwIfAborted();
      if (problem === undefined)
        return { outputs: {}, evidence: { looks }, said: `${step.tcp ?? step.http?.url ?? ''} is there` };
      tell(problem);
      await sleep(step.everyMs, undefined, { signal });
    }
  },
});

/** What is still missing. */
async function look({ name, http, tcp }: Step, signal: AbortSignal): Promise<string | undefined> {
  if (http === undefined) {
    const problem = await findUnreachable(tcp ?? '', AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]));
    return problem === undefined ? undefined : `${tcp ?? ''} takes no connections: ${problem}`;
  }
  const { url, headers, status, json } = http;
  const expect = { status, json };
  const asked = { name, path: '/', headers: {}, expect, capture: {}, retryForMs: 0 } as HttpRequest;
  const question = { url: new URL(url), method: 'GET', headers, body: undefined, wanted: wantedStatuses(asked.expect) };
  const got = await exchange(question, LOOK_MS, signal);
  if ('problem' in got) return `${url}: ${got.problem}`;
  const [first] = checkAnswer(asked, got.answer);
  return first === undefined ? undefined : `${url}: ${first.subject}: ${first.problem ?? 'not as expected'}`;
}
