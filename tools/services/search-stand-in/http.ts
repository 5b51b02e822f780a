import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseExactJson } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError, type ErrorCode } from './api-error.js';
import type { Access, Keys } from './keys.js';
import type { Store } from './store.js';
import type { TaskQueue } from './task-queue.js';

/** What every route works with. */
export interface Service {
  readonly store: Store;
  readonly queue: TaskQueue;
  readonly keys: Keys;
}

export interface Call extends Service {
  /** Parts of the path by the names in the route's pattern. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly contentType: string | undefined;
  readonly access: Access;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export interface Route {
  readonly method: string;
  /** `/indexes/:index/documents/:id` */
  readonly pattern: string;
  /** The right that it needs; undefined for a route that is open to all. */
  readonly action: string | undefined;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const accepted = (body: unknown): Answer => ({ status: 202, body });

const MAX_BODY_BYTES = 100 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new ApiError(
        'payload_too_large',
        'The provided payload reached the size limit. The maximum accepted payload size is 100 MiB.',
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function send(response: ServerResponse, { status, body }: Answer): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, text === '' ? {} : { 'content-type': 'application/json' }).end(text);
}

/** The body as JSON. Throws what the API answers to none, to a broken one and to another content type. */
export function readJson({ body, contentType }: Call): Json {
  checkContentType(contentType, ['application/json']);
  if (body.length === 0) throw new ApiError('missing_payload', 'A json payload is missing.');
  return parsePayload(body.toString('utf8'), 'json');
}

export function checkContentType(contentType: string | undefined, accepted: readonly string[]): string {
  const known = `Accepted values for the Content-Type header are: ${accepted.map((type) => `\`${type}\``).join(', ')}`;
  if (contentType === undefined)
    throw new ApiError('missing_content_type', `A Content-Type header is missing. ${known}`);
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (accepted.includes(type)) return type;
  throw new ApiError('invalid_content_type', `The Content-Type \`${contentType}\` is invalid. ${known}`);
}

export function parsePayload(text: string, kind: 'json' | 'ndjson'): Json {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw new ApiError(
      'malformed_payload',
      `The ${kind} payload provided is malformed. \`${(error as Error).message}\`.`,
    );
  }
}

export function readObject(call: Call, known: readonly string[]): JsonObject {
  const body = readJson(call);
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw new ApiError('bad_request', 'Invalid value type: expected an object');
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown === undefined) return body as JsonObject;
  throw new ApiError(
    'bad_request',
    `Unknown field \`${unknown}\`: expected one of ${known.map((name) => `\`${name}\``).join(', ')}`,
  );
}

export function checkQuery(query: URLSearchParams, known: readonly string[]): void {
  const unknown = [...query.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ApiError(
    'bad_request',
    `Unknown parameter \`${unknown}\`: expected one of ${known.map((name) => `\`${name}\``).join(', ')}`,
  );
}

export function readCount(query: URLSearchParams, name: string, { standard, code }: CountOptions): number {
  const text = query.get(name);
  if (text === null) return standard;
  if (/^\d+$/.test(text)) return Number(text);
  throw new ApiError(code, `Invalid value in parameter \`${name}\`: could not parse \`${text}\` as a positive integer`);
}

interface CountOptions {
  readonly standard: number;
  readonly code: ErrorCode;
}

/** A page of a list, in the API's shape. */
export function toPage<T>(all: readonly T[], query: URLSearchParams, codes: { offset: ErrorCode; limit: ErrorCode }) {
  const offset = readCount(query, 'offset', { standard: 0, code: codes.offset });
  const limit = readCount(query, 'limit', { standard: 20, code: codes.limit });
  return { results: all.slice(offset, offset + limit), offset, limit, total: all.length };
}
