import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

interface HttpRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface HttpResponse {
  status(code: number): { json(body: unknown): void };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Lets a request pass that carries the token, compared in constant time. Without a configured token no request passes. */
export function requireToken(token: string | undefined) {
  return ({ headers }: HttpRequest, response: HttpResponse, next: () => void): void => {
    const [, given] = /^Bearer (.+)$/.exec(toText(headers['authorization'] ?? '')) ?? [];
    const isRight = token !== undefined && given !== undefined && timingSafeEqual(digest(given), digest(token));
    if (isRight) next();
    else
      response
        .status(401)
        .json({ error: toProblem(new AppError('api.unauthorised', 'the API needs a valid bearer token')) });
  };
}
