import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { endpoints } from '#tools/services/endpoints.js';

export const { url, masterKey } = endpoints.meilisearch;

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly body: Body;
}

/** As loose as JSON is: a contract says what has to be in it. */
// biome-ignore lint/suspicious/noExplicitAny: the assertions are the type
export type Body = any;

export interface AskOptions {
  /** Null sends none. */
  readonly key?: string | null;
  readonly contentType?: string | null;
  /** Sent as it is. */
  readonly raw?: string;
  readonly base?: string;
}

/** One request of the API, without a client library between it and the assertions. */
export async function ask(method: string, path: string, body?: unknown, options: AskOptions = {}): Promise<Reply> {
  const { key = masterKey, contentType = 'application/json', raw, base = url } = options;
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const headers = {
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...(payload === undefined || contentType === null ? {} : { 'content-type': contentType }),
  };
  const answer = await fetch(`${base}${path}`, {
    ...{ method, headers },
    // Bytes, as fetch would give a text a content type of its own.
    ...(payload === undefined ? {} : { body: Buffer.from(payload) }),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: text === '' ? undefined : JSON.parse(text) };
}

/** Waits for the task that a request was answered with, and returns it in its last state. */
export async function done(request: Promise<Reply>, base: string = url): Promise<Body> {
  const { status, body, text } = await request;
  if (body?.taskUid === undefined) throw new Error(`no task, but ${status} ${text}`);
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 20) {
    const { body: task } = await ask('GET', `/tasks/${body.taskUid}`, undefined, { base });
    if (!['enqueued', 'processing'].includes(task.status)) return task;
    await sleep(20);
  }
  throw new Error(`task ${body.taskUid} did not end within a minute`);
}

const made: string[] = [];

/** A name that no other test uses; `dropIndexes` deletes what was made under it. */
export function newName(): string {
  const name = `contract_${randomUUID().slice(0, 8)}`;
  made.push(name);
  return name;
}

export async function dropIndexes(): Promise<void> {
  for (const name of made.splice(0)) await ask('DELETE', `/indexes/${name}`);
}

/** The shape of every error. */
export const errorOf = (code: string, type = 'invalid_request') => ({
  message: expect.stringMatching(/./),
  ...{ code, type, link: `https://docs.meilisearch.com/errors#${code}` },
});
