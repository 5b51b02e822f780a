import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import { destroyOnAbort } from '../destroy-on-abort.js';
import type { S3Connection } from './connection.js';
import { CLEANUP_MS, digestObject, findHead } from './objects.js';
import { type Part, PartBuffers, toParts } from './parts.js';
import { S3Upload, type S3UploadOptions, toLockInput } from './upload.js';

/** Writes one object: in one request when it fits into the first part, else as a multipart upload. Throws: as BackupRepository.put. */
export async function putObject(
  connection: S3Connection,
  key: string,
  body: Readable | Uint8Array,
  o: S3UploadOptions,
): Promise<{ sizeBytes: number; sha256: string }> {
  const whole = createHash('sha256');
  const buffers = new PartBuffers();
  const upload = new S3Upload(connection, key, o, buffers);
  let sizeBytes = 0;
  const chunks = body instanceof Uint8Array ? [body] : destroyOnAbort(body, upload.signal);
  try {
    if (o.ifAbsent && (await findHead(connection, key, o.signal))) throw toExistsError(key);
    for await (const part of toParts(chunks, { plan: connection.parts, buffers, whole })) {
      sizeBytes += part.bytes.length;
      if (part.isLast && part.number === 1) await putWhole(connection, key, part, o);
      else await upload.add(part);
    }
    const sha256 = whole.digest('hex');
    await upload.complete(sha256);
    return { sizeBytes, sha256 };
  } catch (error) {
    if (!(body instanceof Uint8Array)) body.destroy(error as Error);
    await upload.abort();
    throw error;
  }
}

async function putWhole(connection: S3Connection, key: string, part: Part, o: S3UploadOptions): Promise<void> {
  const whole = { Body: part.bytes, ContentMD5: part.md5.toString('base64') };
  const input = { Bucket: connection.bucket, Key: key, ...whole, ...toLockInput(o.lock), ...o.headers };
  let wasRetried = false;
  try {
    await connection.conditionally(o.ifAbsent, (condition) =>
      connection.request(`write ${key}`, o.signal, (client, options, tries) => {
        wasRetried = tries > 1;
        return client.send(new PutObjectCommand({ ...input, ...condition }), options);
      }),
    );
  } catch (error) {
    // The answer to an earlier try was lost, and what is in the way now is our own object.
    if (wasRetried && isExists(error) && (await isOurs(connection, key, part))) return;
    throw error;
  }
  o.onProgress?.(part.bytes.length);
}

async function isOurs(connection: S3Connection, key: string, part: Part): Promise<boolean> {
  const head = await findHead(connection, key, AbortSignal.timeout(CLEANUP_MS));
  if (head?.sizeBytes !== part.bytes.length) return false;
  if (head.etag === part.md5.toString('hex')) return true;
  // Under SSE-KMS, SSE-C and in S3 Express an ETag is no digest of the bytes.
  return (await digestObject(connection, key, AbortSignal.timeout(CLEANUP_MS))) === sha256Of(part.bytes);
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const isExists = (error: unknown): boolean => error instanceof AppError && error.code === 'repository.exists';

const toExistsError = (key: string): AppError => new AppError('repository.exists', `${key} exists already`, { key });
