import { parseExactJson } from '#common/domain/exact-json.js';
import type { Json } from '#common/domain/json.js';
import { toReason } from '#common/probes/silence.js';

export interface HttpQuestion {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Statuses that are asked for: a redirect among them is not followed. */
  readonly wanted: readonly number[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** Undefined when the body is no JSON. */
  readonly json: Json | undefined;
}

/** No answer, or one that is not looked at: `problem` says why, in words for the evidence. */
export type Exchange = { readonly answer: HttpAnswer } | { readonly problem: string };

const MAX_REDIRECTS = 5;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Asks once. Follows redirects on the same host only. Throws when `signal` aborts, for nothing else. */
export async function exchange(question: HttpQuestion, timeoutMs: number, signal: AbortSignal): Promise<Exchange> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    return await follow(question, AbortSignal.any([signal, limit]), MAX_REDIRECTS);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) return { problem: `no answer within ${timeoutMs} ms` };
    return { problem: `no answer: ${toReason(error)}` };
  }
}

async function follow(question: HttpQuestion, signal: AbortSignal, left: number): Promise<Exchange> {
  const { url, method, headers, body, wanted } = question;
  const sent = body === undefined ? {} : { body };
  const response = await fetch(url.href, { method, headers, redirect: 'manual', signal, ...sent });
  const location = response.headers.get('location');
  if (response.status < 300 || response.status > 399 || location === null || wanted.includes(response.status)) {
    return readAnswer(response);
  }
  await response.body?.cancel();
  const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
  if (next === undefined) return { problem: 'was redirected to no address' };
  if (next.origin !== url.origin) return { problem: `was redirected to another host, ${next.origin}` };
  if (left === 0) return { problem: `was redirected more than ${MAX_REDIRECTS} times` };
  const keeps = response.status === 307 || response.status === 308 || method === 'GET' || method === 'HEAD';
  const again = keeps ? { ...question, url: next } : { ...question, url: next, method: 'GET', body: undefined };
  return follow(again, signal, left - 1);
}

async function readAnswer(response: Response): Promise<Exchange> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) return { problem: `answered more than ${MAX_ANSWER_BYTES} bytes` };
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return { answer: { status: response.status, text, json: toJson(text) } };
}

function toJson(text: string): Json | undefined {
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}
