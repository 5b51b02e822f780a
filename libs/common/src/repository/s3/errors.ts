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
  InvalidAccessKeyId: 'The server does not know `accessKeyId`; correct the keys of the repository.',
  // How versitygw says the same.
  XAdminUserNotFound: 'The server does not know `accessKeyId`; correct the keys of the repository.',
  SignatureDoesNotMatch: 'The server does not accept `secretAccessKey`; correct the keys of the repository.',
  CredentialsProviderError:
    'Set `accessKeyId` and `secretAccessKey` of the repository, or give the machine an identity.',
  RequestTimeTooSkewed: 'The clocks of this machine and the server differ too much; synchronise them.',
  PermanentRedirect: 'The bucket lives elsewhere; correct `region` and `endpoint` of the repository.',
  AuthorizationHeaderMalformed: 'The bucket lives in another region; correct `region` of the repository.',
  ExpiredToken:
    'The session that the keys belong to has ended; renew the credentials of the repository or of the machine.',
  TokenRefreshRequired:
    'The session that the keys belong to has ended; renew the credentials of the repository or of the machine.',
};

/** What the network or the TLS library says, by pattern. */
const NETWORK_HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /WRONG_VERSION_NUMBER|EPROTO|PACKET_LENGTH_TOO_LONG/,
    'The port answers without TLS; write http:// in `endpoint` of the repository, or name the port that has TLS.',
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO/,
    'The certificate of the server is not trusted here; add its authority to the system, or name it in NODE_EXTRA_CA_CERTS.',
  ],
];
const NOT_S3 =
  'What answers there is no S3 server, or a proxy stands in front of it; correct `endpoint` and `url` of the repository, then run `holdfast check`.';

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

/** Never reached the server, or broke off before its answer. */
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

/** A server without conditional writes answers one with 501, or calls the header invalid; the same write without it tells which. */
export const isConditionUnknown = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'repository.protocol' &&
  [400, 501].includes(Number(error.context['status']));

/** The bucket was made without object lock; it cannot be given one by a request to write. */
const isLockUnknown = (error: unknown): boolean =>
  statusOf(error) === 400 && /object ?lock ?configuration/i.test(failureOf(error).message ?? '');
/** S3 gives it no code of its own. */
const isLocked = (error: unknown): boolean =>
  isRefused(error) && /protected by object lock|WORM/i.test(failureOf(error).message ?? '');

/** The keys are right, and what they ask for is not allowed. */
export const isAccessDenied = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'repository.denied' && !Object.keys(HINTS).includes(nameOf(error.cause));

/** By the server, and not by its state. */
export const isRefused = (error: unknown): boolean => statusOf(error) === 403;

/** `what` names the request and its object: "write shop/…/manifest.json". Neither it nor the result holds a secret. */
export function toS3RepositoryError(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  const hint = findHint(error);
  const context = { reason: toReason(error), ...(status === undefined ? {} : { status }) };
  const options = { cause: error, ...(hint === undefined ? {} : { hint }) };
  return new AppError(toCode(error), `cannot ${what}: ${toWords(error)}`, context, options);
}

/** An answer that S3 never gives. Throws nothing itself; `what` as above, `found` says what came. */
export const toProtocolError = (what: string, found: string): AppError =>
  new AppError('repository.protocol', `cannot ${what}: ${found}`, {}, { hint: NOT_S3 });

/** A HEAD has no body, so the SDK knows no more than a status. */
export const isUnexplained = (error: unknown): boolean => /^Unknown(Error)?$/.test(nameOf(error));
/** The answer had a body that is no XML: a web page, a line of text. */
const isNoAnswerOfS3 = (error: unknown): boolean => /Deserialization error/.test(failureOf(error).message ?? '');

const toReason = (error: unknown): string => failureOf(error).code ?? nameOf(error);

function toWords(error: unknown): string {
  if (isNoAnswerOfS3(error)) return 'the answer is not one of S3';
  if (isUnexplained(error)) return `the server answered ${statusOf(error) ?? 'something'} and gave no reason`;
  return `${toReason(error)}: ${failureOf(error).message ?? ''}`;
}

function findHint(error: unknown): string | undefined {
  if (isNoAnswerOfS3(error)) return NOT_S3;
  const text = `${failureOf(error).code ?? ''} ${failureOf(error).message ?? ''}`;
  const ofNetwork = statusOf(error) === undefined ? NETWORK_HINTS.find(([pattern]) => pattern.test(text)) : undefined;
  return HINTS[nameOf(error)] ?? ofNetwork?.[1];
}

function toCode(error: unknown): Code {
  if (isLocked(error)) return 'repository.locked';
  if (isLockUnknown(error)) return 'repository.lock-missing';
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
