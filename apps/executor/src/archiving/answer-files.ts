import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { LocalDesk, PushedBody, PushSignals } from '#common/engines/local-desk.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import type { Logger } from '#common/telemetry/logger.js';

export interface AnswerFilesOptions {
  /** By the first part of a path. */
  readonly desks: Readonly<Record<string, LocalDesk>>;
  readonly stopping: AbortSignal;
  readonly logger: Logger;
}

/**
 * With the header `Holdfast-Source`: `PUT /<desk>/<name>`, 200 when the file is stored, without its bytes where `Holdfast-File` says which it is, the client
 * waits with `Expect: 100-continue`, and it is stored already; with `Holdfast-Ahead`, what the source will ask for later; `GET /<desk>/<name>`, 200 and the file, or 404 with
 * the header `Holdfast-Absent` when it is not there, for certain. Else one line that says why not.
 */
export const answerFiles =
  (o: AnswerFilesOptions): RequestListener =>
  (request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort(new AppError('run.interrupted', 'the client has gone')));
    const signal = AbortSignal.any([gone.signal, o.stopping]);
    answer(request, response, { ...o, signals: { signal, stopping: o.stopping } }).catch((error: unknown) => {
      const { method, url } = request;
      if (!gone.signal.aborted) o.logger.warn({ err: error, method, url }, 'a file was not taken or given');
      refuse(response, toAppError(error));
    });
  };

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { desks, signals }: AnswerFilesOptions & { readonly signals: PushSignals },
): Promise<void> {
  const { method = '', url = '' } = request;
  const [, deskName = '', name = '', ...rest] = url.split('/');
  const desk = Object.hasOwn(desks, deskName) ? desks[deskName] : undefined;
  const source = request.headers['holdfast-source'];
  if (desk === undefined || rest.length > 0 || typeof source !== 'string')
    throw new AppError('request.invalid', `${method} ${url} asks for nothing that is here`);
  if (method === 'GET') {
    give(response, name, await desk.fetch({ source, name }, signals.signal));
    return;
  }
  if (method !== 'PUT') throw new AppError('request.invalid', `${method} is no way to ask for a file`);
  const sizeBytes = Number(request.headers['content-length']);
  if (!Number.isSafeInteger(sizeBytes)) throw new AppError('request.invalid', 'the size of the file is missing');
  const identity = request.headers['holdfast-file'];
  const body: PushedBody = {
    ...{ sizeBytes, stream: request, isAhead: request.headers['holdfast-ahead'] !== undefined },
    identity: typeof identity === 'string' ? identity : undefined,
    begin: request.headers.expect === undefined ? undefined : () => response.writeContinue(),
  };
  await desk.push({ source, name }, body, signals);
  say(response, 200, 'stored');
}

function give(response: ServerResponse, name: string, file: Buffer | undefined): void {
  if (file === undefined) {
    response.setHeader('Holdfast-Absent', name);
    say(response, 404, `${name} is not in the archive`);
    return;
  }
  const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': file.length, Connection: 'close' };
  response.writeHead(200, headers).end(file);
}

/** A client that has gone hears nothing. The rest of what it sends is not waited for. */
function refuse(response: ServerResponse, { code, message, hint, exit }: AppError): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const status = exit === Exit.unreachable ? 503 : exit === Exit.failed ? 500 : exit === Exit.refused ? 409 : 400;
  const line = `${code}: ${message}. ${hint}`.replace(/\s+/g, ' ');
  say(response, status, line);
}

function say(response: ServerResponse, status: number, line: string): void {
  const body = Buffer.from(`${line}\n`);
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length, Connection: 'close' };
  response.writeHead(status, headers).end(body);
}
