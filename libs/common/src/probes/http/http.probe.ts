import { setTimeout as sleep } from 'node:timers/promises';
import { isExactNumber, toPlainText } from '#common/domain/exact-json.js';
import type { Evidence } from '#common/domain/verdict.js';
import { defineProbe } from '#common/probes/define-probe.js';
import { conclude, countOf, EvidenceLog } from '#common/probes/evidence.js';
import { exchange, type HttpQuestion } from './exchange.js';
import { checkAnswer, wantedStatuses } from './expectations.js';
import { readJsonPath } from './json-path.js';
import { SecretMask } from './mask-secrets.js';
import { HttpParams, type HttpRequest } from './params.js';
import { fillJson, fillText, namesIn } from './template.js';

const RETRY_PAUSE_MS = 250;

/** One walk through the requests: what was captured, and what must not be shown. */
class HttpWalk {
  private readonly captures = new Map<string, string>();
  private readonly mask = new SecretMask();

  constructor(
    private readonly params: HttpParams,
    private readonly signal: AbortSignal,
  ) {}

  /** Sends one request, again while it fails and may be retried; what is wrong with its last answer. */
  async ask(request: HttpRequest): Promise<Evidence[]> {
    const missing = this.namesOf(request).filter((name) => !this.captures.has(name));
    if (missing.length > 0) {
      return [{ subject: request.name, problem: `was not sent: an earlier request captured no ${missing.join(', ')}` }];
    }
    const giveUpAt = performance.now() + request.retryForMs;
    for (;;) {
      const problems = await this.askOnce(request);
      if (problems.length === 0 || performance.now() >= giveUpAt) return problems.map((p) => this.mask.evidence(p));
      await sleep(RETRY_PAUSE_MS, undefined, { signal: this.signal });
    }
  }

  private async askOnce(request: HttpRequest): Promise<Evidence[]> {
    const result = await exchange(this.toQuestion(request), this.params.requestTimeoutMs, this.signal);
    if ('problem' in result) return [{ subject: request.name, problem: result.problem }];
    const problems = checkAnswer(request, result.answer);
    for (const [name, path] of Object.entries(request.capture)) {
      const value = readJsonPath(result.answer.json, path);
      if (value === undefined || value === null || (typeof value === 'object' && !isExactNumber(value))) {
        problems.push({ subject: `${request.name}: ${path}`, problem: `holds no text to capture as ${name}` });
        continue;
      }
      this.captures.set(name, toPlainText(value));
      this.mask.add(toPlainText(value));
    }
    return problems;
  }

  private toQuestion(request: HttpRequest): HttpQuestion {
    const { body, graphql, path, expect } = request;
    const headers = fillJson(request.headers, this.captures) as Record<string, string>;
    const payload = graphql === undefined ? body : { query: graphql.query, variables: graphql.variables };
    const filled = payload === undefined ? undefined : fillJson(graphql?.variables ?? payload, this.captures);
    // Whatever is sent may be a password or a token, and servers like to echo.
    this.mask.addAll(headers);
    this.mask.addAll(filled);
    const sent = graphql === undefined ? filled : { query: graphql.query, variables: filled ?? {} };
    const base = new URL(this.params.baseUrl);
    const prefix = base.pathname.replace(/\/$/, '');
    return {
      url: new URL(`${base.origin}${prefix}${fillText(path, this.captures, encodeURIComponent)}`),
      method: request.method ?? (sent === undefined ? 'GET' : 'POST'),
      headers: sent === undefined ? headers : { 'content-type': 'application/json', ...headers },
      body: sent === undefined ? undefined : JSON.stringify(sent),
      wanted: wantedStatuses(expect),
    };
  }

  private namesOf({ path, headers, body, graphql }: HttpRequest): readonly string[] {
    return namesIn([path, headers, body ?? null, graphql?.variables ?? null]);
  }
}

/** The application answers on the restored data: health, login, browsing. Silence of the application is a verdict too. */
export const httpProbe = defineProbe({
  name: 'http',
  summary: 'Chained HTTP and GraphQL requests with captures and expectations',
  timeoutMs: 120_000,
  params: HttpParams,
  async check({ signal }, params) {
    const walk = new HttpWalk(params, signal);
    const problems = new EvidenceLog();
    const facts: Evidence[] = [];
    for (const request of params.requests) {
      const found = await walk.ask(request);
      problems.add(...found);
      if (found.length === 0) facts.push({ subject: request.name, actual: 'as expected' });
    }
    const looked = `${countOf(params.requests.length, 'request')} to ${new URL(params.baseUrl).origin}`;
    return conclude({ looked, problems, facts });
  },
});
