import { setTimeout as sleep } from 'node:timers/promises';
import type { StepOf } from '#common/config/plans/plan-steps.js';
import { isExactNumber, toPlainText } from '#common/domain/exact-json.js';
import { AppError } from '#common/errors/app-error.js';
import { type Exchange, exchange, type HttpAnswer } from '#common/probes/http/exchange.js';
import { checkAnswer, wantedStatuses } from '#common/probes/http/expectations.js';
import { readJsonPath } from '#common/probes/http/json-path.js';
import type { HttpRequest } from '#common/probes/http/params.js';
import { fillText } from '#common/probes/http/template.js';
import { reachableCheck } from '../reachable-check.js';
import { defineWorker, type StepContext } from '../step-worker.js';

type Step = StepOf<'http'>;
type Captured = Readonly<Record<string, string>>;

const ANSWER_MS = 30_000;
/** Of what is asked again: too early, too many, and a request that took too long. */
const PASSING = [408, 425, 429];

export const http = defineWorker('http', {
  describe: ({ method, url, poll }) =>
    `${method} ${url}${poll === undefined ? '' : `, until ${poll.state} is ${poll.until.join(' or ')}`}`,
  checks: ({ name, url }) => [reachableCheck(`step ${name}: ${new URL(url).host}`, url)],
  async run(step, context) {
    // What the application was asked, and answered, is not asked again: a later try only looks how far it has come.
    const captured = (context.note?.['captured'] as Captured | undefined) ?? (await ask(step, context));
    context.keepNote({ captured });
    const state = step.poll === undefined ? null : await follow(step, captured, context);
    const said = `${step.method} ${step.url} was answered${state === null ? '' : `, and came to "${state}"`}`;
    return { outputs: captured, evidence: { method: step.method, url: step.url, state }, said };
  },
});

/** Throws: plan.http. */
async function ask(step: Step, { signal }: StepContext): Promise<Captured> {
  const { name, url, method, body, expect, capture } = step;
  const headers = body === undefined ? step.headers : { 'content-type': 'application/json', ...step.headers };
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const wanted = wantedStatuses(expect as HttpRequest['expect']);
  const got = await exchange({ url: new URL(url), method, headers, body: sent, wanted }, ANSWER_MS, signal);
  const answer = toAnswer(step, url, got);
  const asked = { name, path: '/', headers: {}, expect, capture, retryForMs: 0 } as HttpRequest;
  const problems = checkAnswer(asked, answer);
  if (problems.length > 0) {
    const found = problems.map(
      ({ subject, problem = '', actual = null }) => `${subject}: ${problem}, found ${JSON.stringify(actual)}`,
    );
    throw new AppError('plan.http', `${method} ${url}: ${found.join('; ')}`, { answer: answer.text.slice(0, 500) });
  }
  return Object.fromEntries(Object.entries(capture).map(([key, path]) => [key, readText(step, answer, path)]));
}

/** Asks for the state until it is one that ends the work. Throws: plan.http. */
async function follow(step: Step, captured: Captured, { signal, tell, keepNote }: StepContext): Promise<string> {
  const { poll, name } = step;
  if (poll === undefined) throw new AppError('internal.bug', `step "${name}" has nothing to follow`);
  const url = fillText(poll.url, new Map(Object.entries(captured)), encodeURIComponent);
  const question = { url: new URL(url), method: 'GET', headers: step.headers, body: undefined, wanted: [] };
  for (;;) {
    const got = await exchange(question, ANSWER_MS, signal);
    const state = findState(step, url, got);
    tell(`GET ${url}: ${state ?? ('problem' in got ? got.problem : `answered ${got.answer.status}`)}`);
    if (state !== undefined && poll.until.includes(state)) return state;
    if (state !== undefined && poll.failing.includes(state)) {
      // A later try has to ask anew: this work has come to its end.
      keepNote(null);
      throw new AppError('plan.http', `GET ${url}: the work has come to "${state}"`, {
        answer: toAnswer(step, url, got).text.slice(0, 500),
      });
    }
    await sleep(poll.everyMs, undefined, { signal });
  }
}

/** Undefined while the application does not answer, as while it is started anew. Throws: plan.http where asking again cannot help. */
function findState(step: Step, url: string, got: Exchange): string | undefined {
  if ('problem' in got || got.answer.status >= 500 || PASSING.includes(got.answer.status)) return undefined;
  if (got.answer.status > 299) throw new AppError('plan.http', `GET ${url} answered ${got.answer.status}`);
  return readText(step, got.answer, step.poll?.state ?? '');
}

function toAnswer({ method }: Step, url: string, got: Exchange): HttpAnswer {
  if ('answer' in got) return got.answer;
  throw new AppError('plan.http', `${method} ${url}: ${got.problem}`);
}

function readText({ name }: Step, answer: HttpAnswer, path: string): string {
  const value = readJsonPath(answer.json, path);
  if (value !== undefined && value !== null && (typeof value !== 'object' || isExactNumber(value)))
    return toPlainText(value);
  throw new AppError('plan.http', `step "${name}": the answer holds no text at ${path}`, {
    answer: answer.text.slice(0, 500),
  });
}
