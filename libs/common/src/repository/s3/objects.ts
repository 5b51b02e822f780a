import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type DeleteMarkerEntry,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type MultipartUpload,
} from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import { END_OF_TIME, type StoredObject } from '../backup-repository.js';
import type { S3Connection } from './connection.js';
import { isUnexplained, toProtocolError } from './errors.js';

/** An object with what only S3 knows of it. Keys in this file are whole keys of the bucket. */
export interface S3Head extends StoredObject {
  readonly etag: string;
  /** In the future while a retention lock or a legal hold protects the object. */
  readonly lockedUntil: Date | undefined;
  readonly lockMode: 'GOVERNANCE' | 'COMPLIANCE' | undefined;
  /** Undefined where the bucket has never kept versions. */
  readonly versionId: string | undefined;
}

/** Of one object, or of one of its versions. */
export interface ObjectPlace {
  readonly key: string;
  readonly versionId?: string | undefined;
}

/** How long cleaning up may take after the caller has given up. */
export const CLEANUP_MS = 10_000;

/** Undefined when absent. Throws: repository.*, also repository.missing. */
export async function findHead(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<S3Head | undefined> {
  return findVersionHead(connection, { key }, signal);
}

/** The same of one version. */
export async function findVersionHead(
  connection: S3Connection,
  { key, versionId }: ObjectPlace,
  signal: AbortSignal,
): Promise<S3Head | undefined> {
  const input = { Bucket: connection.bucket, Key: key, VersionId: versionId };
  try {
    const head = await connection.request(`look at ${key}`, signal, (client, o) =>
      client.send(new HeadObjectCommand(input), o),
    );
    return {
      key,
      sizeBytes: head.ContentLength ?? 0,
      modifiedAt: head.LastModified ?? new Date(0),
      etag: unquote(head.ETag),
      lockedUntil: head.ObjectLockLegalHoldStatus === 'ON' ? END_OF_TIME : head.ObjectLockRetainUntilDate,
      lockMode: head.ObjectLockMode,
      versionId: head.VersionId,
    };
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.object-missing') {
      await connection.requireBucket(signal);
      return undefined;
    }
    if (error instanceof AppError && isUnexplained(error.cause)) await connection.requireListing(signal);
    throw error;
  }
}

/** SHA-256 of the stored bytes, in hexadecimal. Throws: repository.*. */
export function digestObject(connection: S3Connection, key: string, signal: AbortSignal): Promise<string> {
  const input = { Bucket: connection.bucket, Key: key };
  return connection.request(`read ${key}`, signal, async (client, o) => {
    const { Body } = await client.send(new GetObjectCommand(input), o);
    const digest = createHash('sha256');
    for await (const chunk of Body as Readable) digest.update(chunk as Buffer);
    return digest.digest('hex');
  });
}

/** One version of it for good, or what a request without a version removes. Returns the delete marker that hides it now, if one does. */
export async function deleteObject(
  connection: S3Connection,
  { key, versionId }: ObjectPlace,
  signal: AbortSignal,
): Promise<string | undefined> {
  const input = { Bucket: connection.bucket, Key: key, VersionId: versionId };
  const answer = await connection.request(`remove ${key}`, signal, (client, o) =>
    client.send(new DeleteObjectCommand(input), o),
  );
  return versionId === undefined && answer.DeleteMarker === true ? answer.VersionId : undefined;
}

export interface ObjectVersion extends ObjectPlace {
  readonly versionId: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  readonly isLatest: boolean;
  readonly isMarker: boolean;
}

/** Every version and delete marker below the beginning of a key, in no order within a page. */
export async function* listVersions(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ObjectVersion> {
  let marker: { KeyMarker: string | undefined; VersionIdMarker: string | undefined } | undefined;
  do {
    const input = { Bucket: connection.bucket, Prefix: prefix, ...marker };
    const what = `list the versions below ${prefix}`;
    const page = await connection.request(what, signal, (client, o) =>
      client.send(new ListObjectVersionsCommand(input), o),
    );
    if (page.IsTruncated === undefined) throw toProtocolError(what, 'the server answered with nothing');
    for (const { Size = 0, ...version } of page.Versions ?? []) yield toVersion(version, { sizeBytes: Size });
    for (const version of page.DeleteMarkers ?? []) yield toVersion(version, { isMarker: true });
    marker = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      : undefined;
  } while (marker !== undefined);
}

const toVersion = (
  { Key = '', VersionId = 'null', IsLatest = false, LastModified = new Date(0) }: DeleteMarkerEntry,
  { sizeBytes = 0, isMarker = false },
): ObjectVersion => ({
  ...{ key: Key, versionId: VersionId, isLatest: IsLatest, modifiedAt: LastModified },
  ...{ sizeBytes, isMarker },
});

/** A page at a time, in key order. */
export async function* listObjects(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<StoredObject> {
  let token: string | undefined;
  do {
    const input = { Bucket: connection.bucket, Prefix: prefix, ContinuationToken: token };
    const what = `list ${prefix}`;
    const page = await connection.request(what, signal, (client, o) => client.send(new ListObjectsV2Command(input), o));
    // An answer that is no listing reads as an empty one, and an empty one would mean that every backup is gone.
    if (page.IsTruncated === undefined) throw toProtocolError(what, 'the server answered with nothing');
    for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
      yield { key: Key, sizeBytes: Size, modifiedAt: LastModified };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** Aborts multipart uploads that were started before; returns how many. */
export async function abortUploads(
  connection: S3Connection,
  { prefix, olderThan }: { readonly prefix: string; readonly olderThan: Date },
  signal: AbortSignal,
): Promise<number> {
  const uploads: MultipartUpload[] = [];
  for await (const upload of listUploads(connection, prefix, signal)) {
    if (upload.Initiated !== undefined && upload.Initiated < olderThan) uploads.push(upload);
  }
  for (const { Key, UploadId } of uploads)
    await abortUpload(connection, { key: Key ?? '', uploadId: UploadId ?? '' }, signal);
  return uploads.length;
}

/** An upload that is gone already counts as aborted. */
export async function abortUpload(
  connection: S3Connection,
  { key, uploadId }: { readonly key: string; readonly uploadId: string },
  signal: AbortSignal,
): Promise<void> {
  const input = { Bucket: connection.bucket, Key: key, UploadId: uploadId };
  try {
    await connection.request(`abort the upload of ${key}`, signal, (client, o) =>
      client.send(new AbortMultipartUploadCommand(input), o),
    );
  } catch (error) {
    if (!(error instanceof AppError && error.context['status'] === 404)) throw error;
  }
}

async function* listUploads(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<MultipartUpload> {
  let marker: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined;
  do {
    const input = { Bucket: connection.bucket, Prefix: prefix, ...marker };
    const page = await connection.request(`list uploads below ${prefix}`, signal, (client, o) =>
      client.send(new ListMultipartUploadsCommand(input), o),
    );
    yield* page.Uploads ?? [];
    marker = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  } while (marker !== undefined);
}

export const unquote = (etag = ''): string => etag.replaceAll('"', '');
