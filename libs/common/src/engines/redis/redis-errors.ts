import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import { toText } from '#common/errors/printable.js';

/** By the first word of the server's answer. Source: server.c of Redis. */
const BY_WORD: Readonly<Record<string, Code>> = {
  ...{ WRONGPASS: 'redis.auth', NOAUTH: 'redis.auth', NOPERM: 'redis.permission', DENIED: 'redis.permission' },
  ...{ LOADING: 'redis.busy', BUSY: 'redis.busy', MASTERDOWN: 'redis.busy', TRYAGAIN: 'redis.busy' },
  ...{ MOVED: 'redis.changing', ASK: 'redis.changing', CLUSTERDOWN: 'redis.changing', READONLY: 'redis.changing' },
  ...{ OOM: 'redis.full', MISCONF: 'redis.refused', NOREPLICAS: 'redis.busy' },
};

/** What the server answers to a password although it has none, and the other way round. */
const ABOUT_PASSWORDS = /invalid password|without any password|Authentication required/i;

const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** What a client or a socket threw, as an error of ours that names the server. */
export function toRedisError(error: unknown, server: string): AppError {
  if (error instanceof AppError) return error;
  const text = toText(error)
    .replace(/[\r\n]+/g, ' ')
    .slice(0, 300);
  const name = (error as Error | undefined)?.name;
  if (name === 'ReplyError') return toReplyError(text, server, error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (/^(ERR_TLS|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|ERR_SSL)/.test(code)) {
    return new AppError('redis.tls', `TLS with ${server} failed: ${text}`, { server, reason: code }, { cause: error });
  }
  const reason = NETWORK.has(code) ? code : text;
  return new AppError(
    'redis.unreachable',
    `${server} cannot be reached: ${reason}`,
    { server, reason },
    { cause: error },
  );
}

export function toReplyError(text: string, server: string, cause?: unknown): AppError {
  const code = ABOUT_PASSWORDS.test(text)
    ? 'redis.auth'
    : (BY_WORD[/^[A-Z]+/.exec(text)?.[0] ?? ''] ?? 'redis.refused');
  return new AppError(code, `${server} answered: ${text}`, { server }, { cause });
}
