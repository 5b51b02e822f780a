import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeError, log } from './log.js';

export type Request = { path: string; params: Record<string, string>; bearer: string | undefined; body: unknown };
/** Bytes are sent as they are, and everything else as JSON. */
export type Reply = { status: number; body: unknown; contentType?: string };
export type Route = { method: 'GET' | 'POST'; path: URLPattern; handle: (request: Request) => Promise<Reply> };

const MAX_BODY_BYTES = 262_144;
const DRAIN_MS = 1_000;

/** An answer that is not the happy one. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function createHttpServer(routes: readonly Route[]): Server {
  return createServer((incoming, outgoing) => {
    answer(routes, incoming)
      .catch(toReply)
      .then((reply) => send(outgoing, reply))
      .catch((error) => log('warn', 'answer not sent', { error: describeError(error) }));
  });
}

async function answer(routes: readonly Route[], incoming: IncomingMessage): Promise<Reply> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://shop');
  for (const route of routes) {
    const match = incoming.method === route.method ? route.path.exec({ pathname }) : null;
    if (match === null) continue;
    const bearer = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1];
    const body = route.method === 'POST' ? await readJson(incoming) : undefined;
    return route.handle({ path: pathname, params: match.pathname.groups as Record<string, string>, bearer, body });
  }
  throw new HttpError(404, `nothing answers ${incoming.method} ${pathname}`);
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) throw new HttpError(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (sizeBytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}

/** What the shop did not foresee is its database, bus or search being away: try again, and the details stay in the log. */
function toReply(error: unknown): Reply {
  if (error instanceof HttpError) return { status: error.status, body: { error: error.message } };
  log('error', 'request failed', { error: describeError(error) });
  return { status: 503, body: { error: 'the shop cannot do this at the moment' } };
}

function send(outgoing: ServerResponse, { status, body, contentType = 'application/json' }: Reply): void {
  outgoing.writeHead(status, { 'content-type': contentType });
  outgoing.end(body instanceof Uint8Array ? body : JSON.stringify(body));
}

/** Returns the port, which the system chooses when 0 is asked for. */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Lets requests in flight end, but not for long. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(timer);
}
