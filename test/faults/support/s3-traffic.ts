import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { PassThrough, pipeline, type Readable } from 'node:stream';

/** One request on its way through the gate. */
export interface Exchange {
  readonly fromClient: IncomingMessage;
  readonly toClient: ServerResponse;
}

/** Where the server listens. */
export interface StorageAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Sends the request on as it came, `Host` included, which SigV4 signs, and resolves with the head of the answer; the body of either
 * streams. Resolves with nothing when one of the two sides is gone. `body` in place of the client's own.
 */
export function forward(
  { fromClient, toClient }: Exchange,
  { host, port }: StorageAddress,
  body: Readable = fromClient,
): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const { method, url: path, rawHeaders: headers } = fromClient;
    const toStorage = request({ host, port, method, path, headers: [...headers], setHost: false, agent: false });
    toStorage.on('response', resolve);
    toStorage.on('error', () => resolve(undefined));
    toClient.on('close', () => toStorage.destroy());
    // A client that dies in the middle of a body must not look like the end of it.
    pipeline(body, toStorage, () => undefined);
  });
}

/** Gives the server's answer to the client; a server that broke off is a connection that breaks. */
export function giveBack({ toClient }: Exchange, answer: IncomingMessage | undefined, body?: Readable): void {
  if (answer === undefined || toClient.destroyed) {
    reset(toClient);
    return;
  }
  toClient.writeHead(answer.statusCode ?? 500, answer.statusMessage, answer.rawHeaders);
  pipeline(body ?? answer, toClient, (error) => error && reset(toClient));
}

/** Answers with an S3 error once the request's body is drained, as a server does that has read it. */
export function giveError({ fromClient, toClient }: Exchange, status: number, code: string): void {
  const message = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>by the gate</Message></Error>`;
  const respond = () =>
    toClient.writeHead(status, { 'content-type': 'application/xml' }).end(fromClient.method === 'HEAD' ? '' : message);
  if (fromClient.readableEnded) respond();
  else fromClient.on('end', respond).resume();
}

/** The other side sees ECONNRESET, not an end. */
export function reset(toClient: ServerResponse): void {
  toClient.socket?.resetAndDestroy();
  toClient.destroy();
}

/** The first half of a body whose length its headers tell; then `onHalf`, and never an end. */
export function halfOf(message: IncomingMessage, onHalf: () => void): Readable {
  const half = Math.floor(Number(message.headers['content-length'] ?? 0) / 2);
  const out = new PassThrough();
  let bytes = 0;
  message.on('data', (chunk: Buffer) => {
    const left = half - bytes;
    bytes += chunk.length;
    if (left > 0) out.write(chunk.subarray(0, left));
    if (left > 0 && bytes >= half) setImmediate(onHalf);
  });
  return out;
}
