import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type PutObjectCommandInput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import type { S3Connection } from './connection.js';
import { abortUpload, CLEANUP_MS, digestObject, findHead, unquote } from './objects.js';
import { type Part, type PartBuffers, toPartsInFlight } from './parts.js';
import { sendPatiently } from './patience.js';

export interface S3UploadOptions {
  readonly signal: AbortSignal;
  readonly ifAbsent: boolean;
  readonly onProgress: ((bytes: number) => void) | undefined;
  readonly lock?: ObjectLock | undefined;
  /** How the object is served. */
  readonly headers?: ObjectHeaders | undefined;
}

/** What a server keeps beside an object, as its client takes it. */
export type ObjectHeaders = Pick<
  PutObjectCommandInput,
  | 'ContentType'
  | 'ContentEncoding'
  | 'ContentDisposition'
  | 'ContentLanguage'
  | 'CacheControl'
  | 'Expires'
  | 'Metadata'
  | 'Tagging'
  | 'WebsiteRedirectLocation'
>;

/** What keeps one object from being removed. */
export interface ObjectLock {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly until: Date;
}

export const toLockInput = (lock: ObjectLock | undefined) =>
  lock === undefined ? {} : { ObjectLockMode: lock.mode, ObjectLockRetainUntilDate: lock.until };

interface SentPart {
  readonly number: number;
  readonly etag: string;
  readonly md5: Buffer;
}

/** A connection that something has dropped in silence looks like a server that puts parts together: is the object there? */
const LOOK_MS = 30_000;
const LARGER_PARTS =
  'Raise `partSizeBytes` of the repository, or `maxParts` where its server takes more, and ask again.';
const FEWER_PARTS = 'If the server takes fewer parts for one object than others do, set `maxParts` of the repository.';
/** Servers that copy the parts together need time; to be asked a second time harms none that does not. */
const SLOWEST_BYTES_PER_MS = 20_000;
const toPatienceMs = (bytes: number): number => Math.min(Math.max(60_000, bytes / SLOWEST_BYTES_PER_MS), 30 * 60_000);

/** The first parts went well, so what the server dislikes in a later one may be its number. */
const isRefusedPart = (error: unknown, part: Part): error is AppError =>
  error instanceof AppError && error.code === 'repository.protocol' && part.number > 1;

/** One multipart upload, begun with its first part, with a few parts in flight. Nothing is visible before `complete` resolved. */
export class S3Upload {
  /** Fires when the caller gives up or a part failed for good: the body is to stop then. */
  readonly signal: AbortSignal;
  private readonly failed = new AbortController();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly sent: SentPart[] = [];
  private uploadId: string | undefined;
  private bytesSent = 0;

  constructor(
    private readonly connection: S3Connection,
    private readonly key: string,
    private readonly o: S3UploadOptions,
    private readonly buffers: PartBuffers,
  ) {
    this.signal = AbortSignal.any([o.signal, this.failed.signal]);
  }

  /** Returns when there is room for the next part, not when this one is sent. Throws: the abort reason; repository.*. */
  async add(part: Part): Promise<void> {
    if (part.number > this.connection.parts.maxParts) {
      // A part that is cut off on its way may reach the server after the upload was aborted, and stay there.
      await Promise.all(this.inFlight);
      throw this.toTooLargeError();
    }
    this.uploadId ??= await this.create();
    while (this.inFlight.size >= toPartsInFlight(part.bytes.length)) await Promise.race(this.inFlight);
    this.signal.throwIfAborted();
    const sending = this.send(this.uploadId, part)
      .catch((error) => this.failed.abort(error))
      .finally(() => this.inFlight.delete(sending));
    this.inFlight.add(sending);
  }

  /** Makes the object, when there was any part; the digest is that of the whole. Throws: the abort reason; repository.*. */
  async complete(sha256: string): Promise<void> {
    if (this.uploadId === undefined) return;
    await Promise.all(this.inFlight);
    this.signal.throwIfAborted();
    try {
      await this.sendComplete(this.uploadId, sha256);
    } catch (error) {
      // The server may have done it although its answer was lost. Afterwards it can no longer: only then it is looked at.
      await this.abort();
      // It stays also when the caller has given up meanwhile: a reader may have seen it already.
      if (!(await this.isThere(error, sha256).catch(() => false))) throw error;
    }
  }

  /** Gives back what the server holds of it. Never throws: the sweeper finds what this cannot reach. */
  async abort(): Promise<void> {
    this.failed.abort(new Error(`the upload of ${this.key} was given up`));
    // A part that arrives after the abort would stay.
    await Promise.all(this.inFlight);
    const uploadId = this.uploadId;
    if (uploadId === undefined) return;
    this.uploadId = undefined;
    const { key } = this;
    await abortUpload(this.connection, { key, uploadId }, AbortSignal.timeout(CLEANUP_MS)).catch(() => undefined);
  }

  private toTooLargeError(): AppError {
    const { maxParts, partSizeBytes } = this.connection.parts;
    const message = `${this.key} does not fit into ${maxParts} parts that begin with ${partSizeBytes} bytes: ${this.bytesSent} bytes are written`;
    return new AppError('repository.full', message, { maxParts, partSizeBytes }, { hint: LARGER_PARTS });
  }

  private async create(): Promise<string> {
    const input = { Bucket: this.connection.bucket, Key: this.key, ...toLockInput(this.o.lock), ...this.o.headers };
    const { UploadId } = await this.connection.request(`begin to write ${this.key}`, this.signal, (client, o) =>
      client.send(new CreateMultipartUploadCommand(input), o),
    );
    if (UploadId !== undefined) return UploadId;
    throw new AppError('repository.protocol', `the server began an upload of ${this.key} without an id`);
  }

  private async send(uploadId: string, part: Part): Promise<void> {
    const input = {
      Bucket: this.connection.bucket,
      Key: this.key,
      UploadId: uploadId,
      PartNumber: part.number,
      Body: part.bytes,
      ContentMD5: part.md5.toString('base64'),
    };
    const { ETag } = await this.connection
      .request(`write part ${part.number} of ${this.key}`, this.signal, (client, o) =>
        client.send(new UploadPartCommand(input), o),
      )
      .catch((error) => {
        if (!isRefusedPart(error, part)) throw error;
        throw new AppError(error.code, error.message, error.context, { cause: error, hint: FEWER_PARTS });
      });
    this.sent.push({ number: part.number, etag: ETag ?? '', md5: part.md5 });
    this.bytesSent += part.bytes.length;
    this.buffers.giveBack(part);
    this.o.onProgress?.(this.bytesSent);
  }

  private async sendComplete(uploadId: string, sha256: string): Promise<void> {
    const input = {
      Bucket: this.connection.bucket,
      Key: this.key,
      UploadId: uploadId,
      MultipartUpload: { Parts: this.sortedParts().map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
    };
    await this.connection.conditionally(this.o.ifAbsent, (condition) =>
      this.connection.request(`finish ${this.key}`, this.signal, () =>
        sendPatiently(
          (abortSignal) =>
            this.connection.slowClient.send(new CompleteMultipartUploadCommand({ ...input, ...condition }), {
              abortSignal,
            }),
          {
            ...{ signal: this.signal, lookEveryMs: LOOK_MS, patienceMs: toPatienceMs(this.bytesSent) },
            isDone: () => this.isThere(undefined, sha256),
          },
        ),
      ),
    );
  }

  /**
   * Whether the object is this upload's: by its ETag where that follows S3's rule for parts. Else by its size; but what had to be the
   * first, which only small objects have to, by its bytes.
   */
  private async isThere(error: unknown, sha256: string): Promise<boolean> {
    const head = await findHead(this.connection, this.key, AbortSignal.timeout(CLEANUP_MS));
    if (head === undefined || head.sizeBytes !== this.bytesSent) return false;
    if (this.hasPlainEtags() && head.etag === this.toEtag()) return true;
    const wasInTheWay = error instanceof AppError && error.code === 'repository.exists';
    if (!this.o.ifAbsent && !wasInTheWay) return !(this.hasPlainEtags() && /^[0-9a-f]{32}-\d+$/.test(head.etag));
    return (await digestObject(this.connection, this.key, AbortSignal.timeout(CLEANUP_MS))) === sha256;
  }

  private hasPlainEtags(): boolean {
    return this.sent.every(({ etag, md5 }) => unquote(etag) === md5.toString('hex'));
  }

  /** MD5 of the parts' MD5s, then their number. */
  private toEtag(): string {
    const digests = Buffer.concat(this.sortedParts().map(({ md5 }) => md5));
    return `${createHash('md5').update(digests).digest('hex')}-${this.sent.length}`;
  }

  private sortedParts(): readonly SentPart[] {
    return this.sent.toSorted((a, b) => a.number - b.number);
  }
}
