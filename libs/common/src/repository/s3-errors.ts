import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';

/** What the SDK throws: S3's error code in `name`, or a network error's `code`. */
interface S3Failure {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const CODES: Readonly<Record<string, Code>> = {
  NoSuchBucket: 'repository.missing',
  NoSuchKey: 'repository.object-missing',
  NotFound: 'repository.object-missing',
  PreconditionFailed: 'repository.exists',
  ObjectLocked: 'repository.locked',
  QuotaExceeded: 'repository.full',
  XMinioStorageFull: 'repository.full',
  StorageFull: 'repository.full',
};

const HINTS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'The store does not know `accessKeyId`; correct the keys of the repository.',
  // How versitygw says the same.
  XAdminUserNotFound: 'The store does not know `accessKeyId`; correct the keys of the repository.',
  SignatureDoesNotMatch: 'The store does not accept `secretAccessKey`; correct the keys of the repository.',
  CredentialsProviderError:
    'Set `accessKeyId` and `secretAccessKey` of the repository, or give the machine an identity.',
  RequestTimeTooSkewed: 'The clocks of this machine and the store differ too much; synchronise them.',
  PermanentRedirect: 'The bucket lives elsewhere; correct `region` and `endpoint` of the repository.',
  AuthorizationHeaderMalformed: 'The bucket lives in another region; correct `region` of the repository.',
};

const DENIED_NAMES = [...Object.keys(HINTS), 'AccessDenied', 'InvalidToken', 'ExpiredToken'];
/** 409: another conditional write of the same key is under way. 400 RequestTimeout: our upload stalled. */
const TRANSIENT_NAMES = [
  'RequestTimeout',
  'RequestTimeoutException',
  'SlowDown',
  'ConditionalRequestConflict',
  'OperationAborted',
  'TimeoutError',
  'BadDigest',
];
const FINAL_NETWORK_CODES = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ERR_INVALID|EPROTO/;

const failureOf = (error: unknown): S3Failure => (error ?? {}) as S3Failure;
export const statusOf = (error: unknown): number | undefined => failureOf(error).$metadata?.httpStatusCode;
export const nameOf = (error: unknown): string => failureOf(error).name ?? 'Error';

/** Defects of ours and missing credentials are found before anything is sent. */
const UNSENT_NAMES = ['CredentialsProviderError', 'TypeError', 'RangeError', 'ReferenceError'];

/** Never reached the store, or broke off before its answer. */
const isNetworkFailure = (error: unknown): boolean =>
  statusOf(error) === undefined && !UNSENT_NAMES.includes(nameOf(error));

/** The same request may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof AppError) return false;
  if (TRANSIENT_NAMES.includes(nameOf(error))) return true;
  if (isNetworkFailure(error)) return !FINAL_NETWORK_CODES.test(failureOf(error).code ?? '');
  const status = statusOf(error) ?? 0;
  return status === 429 || (status >= 500 && ![501, 507].includes(status));
}

/** By the store, and not by its state. */
export const isRefused = (error: unknown): boolean => statusOf(error) === 403;

/** `what` names the request and its object: "write shop/…/manifest.json". Neither it nor the result holds a secret. */
export function toS3RepositoryError(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error;
  const name = nameOf(error);
  const status = statusOf(error);
  const reason = failureOf(error).code ?? name;
  const hint = HINTS[name];
  const context = { reason, ...(status === undefined ? {} : { status }) };
  const options = { cause: error, ...(hint === undefined ? {} : { hint }) };
  return new AppError(toCode(error), `cannot ${what}: ${reason}: ${failureOf(error).message ?? ''}`, context, options);
}

function toCode(error: unknown): Code {
  const known = CODES[nameOf(error)];
  if (known !== undefined) return known;
  if (isNetworkFailure(error) || isTransient(error)) return 'repository.unavailable';
  if (DENIED_NAMES.includes(nameOf(error))) return 'repository.denied';
  const byStatus: Readonly<Record<number, Code>> = {
    301: 'repository.denied',
    401: 'repository.denied',
    403: 'repository.denied',
    404: 'repository.object-missing',
    412: 'repository.exists',
    507: 'repository.full',
  };
  return byStatus[statusOf(error) ?? 0] ?? 'repository.protocol';
}
