import { describe, expect, it } from '@jest/globals';
import { isTransient, toS3RepositoryError } from './errors.js';

const answer = (httpStatusCode: number, name = 'UnknownError') =>
  Object.assign(new Error('as the server says'), { name, $metadata: { httpStatusCode } });
const network = (code: string) => Object.assign(new Error(`connect ${code}`), { code, $metadata: { attempts: 1 } });

describe('errors of an S3 server', () => {
  it.each([
    [answer(404, 'NoSuchBucket'), 'repository.missing', false],
    [answer(404, 'NoSuchKey'), 'repository.object-missing', false],
    [answer(403, 'AccessDenied'), 'repository.denied', false],
    [answer(403, 'SignatureDoesNotMatch'), 'repository.denied', false],
    [answer(400, 'ExpiredToken'), 'repository.denied', false],
    [answer(301, 'PermanentRedirect'), 'repository.denied', false],
    [answer(412, 'PreconditionFailed'), 'repository.exists', false],
    [answer(403, 'ObjectLocked'), 'repository.locked', false],
    [answer(507), 'repository.full', false],
    [answer(507, 'XMinioStorageFull'), 'repository.full', false],
    [answer(400, 'InvalidRequest'), 'repository.protocol', false],
    [answer(501, 'NotImplemented'), 'repository.protocol', false],
    [answer(500, 'InternalError'), 'repository.unavailable', true],
    [answer(503, 'SlowDown'), 'repository.unavailable', true],
    [answer(429, 'TooManyRequests'), 'repository.unavailable', true],
    [answer(400, 'RequestTimeout'), 'repository.unavailable', true],
    [answer(409, 'ConditionalRequestConflict'), 'repository.unavailable', true],
    [network('ECONNREFUSED'), 'repository.unavailable', true],
    [network('ECONNRESET'), 'repository.unavailable', true],
    [network('ENOTFOUND'), 'repository.unavailable', true],
    [network('DEPTH_ZERO_SELF_SIGNED_CERT'), 'repository.unavailable', false],
    [Object.assign(new Error('no credentials'), { name: 'CredentialsProviderError' }), 'repository.denied', false],
  ])('%s is %s', (error, code, transient) => {
    const mapped = toS3RepositoryError(error, 'write a/b');
    expect(mapped.code).toBe(code);
    expect(mapped.message).toMatch(/^cannot write a\/b: /);
    expect(mapped.hint).toMatch(/\.$/);
    expect(isTransient(error)).toBe(transient);
  });
});
