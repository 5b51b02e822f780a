import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import {
  BackupRepository,
  type ObjectKey,
  type PutOptions,
  type ReadOptions,
  type RepositoryEncryption,
  type RepositoryTraits,
  type StoredObject,
  type WrittenObject,
} from './backup-repository.js';
import { destroyOnAbort } from './destroy-on-abort.js';
import { isObjectKey, parseObjectKey, toListPrefix } from './layout.js';
import type { S3Connection } from './s3-connection.js';
import { type S3Body, S3ObjectStream } from './s3-object-stream.js';
import { abortUploads, deleteObject, findHead, listObjects, unquote } from './s3-objects.js';
import { toMaxObjectBytes } from './s3-parts.js';
import { putObject } from './s3-put.js';
import { hasConditionalPut, hasObjectLock, hasVersioning } from './s3-traits.js';

/** Backups in a bucket of any S3-compatible store, below a prefix. */
export class S3Repository extends BackupRepository {
  readonly location: string;
  /** Empty, or ends with a slash. */
  private readonly folder: string;
  private knownTraits: Promise<RepositoryTraits> | undefined;
  private lockConfigured: Promise<boolean> | undefined;

  constructor(
    readonly name: string,
    private readonly connection: S3Connection,
    prefix: string,
    encryption?: RepositoryEncryption,
  ) {
    super(encryption);
    this.folder = prefix === '' ? '' : `${prefix}/`;
    this.location = `s3://${[connection.bucket, prefix].filter(Boolean).join('/')} at ${connection.place}`;
  }

  traits({ signal }: ReadOptions): Promise<RepositoryTraits> {
    this.knownTraits ??= this.discover(signal).catch((error) => {
      this.knownTraits = undefined;
      throw error;
    });
    return this.knownTraits;
  }

  async put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    const { signal, ifAbsent = false, onProgress } = o;
    const written = await putObject(this.connection, this.toFullKey(key), body, { signal, ifAbsent, onProgress });
    return { key, ...written };
  }

  async get(key: ObjectKey, { signal }: ReadOptions): Promise<Readable> {
    const fullKey = this.toFullKey(key);
    const openAt = (offset: number) => this.openAt(fullKey, offset, signal);
    return destroyOnAbort(new S3ObjectStream(fullKey, await openAt(0), openAt), signal);
  }

  async stat(key: ObjectKey, { signal }: ReadOptions): Promise<StoredObject | undefined> {
    const head = await findHead(this.connection, this.toFullKey(key), signal);
    return head && { key, sizeBytes: head.sizeBytes, modifiedAt: head.modifiedAt };
  }

  async *list(prefix: string, { signal }: ReadOptions): AsyncIterable<StoredObject> {
    for await (const object of listObjects(this.connection, this.folder + toListPrefix(prefix), signal)) {
      signal.throwIfAborted();
      const key = object.key.slice(this.folder.length);
      // Consoles leave empty objects that stand for folders; other programs may share the bucket.
      if (isObjectKey(key)) yield { ...object, key };
    }
  }

  async remove(key: ObjectKey, { signal }: ReadOptions): Promise<void> {
    const fullKey = this.toFullKey(key);
    // In a versioned bucket a removal always succeeds by hiding the object: a lock has to be looked at before.
    if (await this.hasLock(signal)) await this.requireUnlocked(fullKey, signal);
    await deleteObject(this.connection, fullKey, signal);
  }

  async abortUnfinished(prefix: string, olderThan: Date, { signal }: ReadOptions): Promise<number> {
    return abortUploads(this.connection, { prefix: this.folder + toListPrefix(prefix), olderThan }, signal);
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private async discover(signal: AbortSignal): Promise<RepositoryTraits> {
    const versioning = await hasVersioning(this.connection, signal);
    const objectLock = await this.hasLock(signal);
    const conditionalPut = await hasConditionalPut(this.connection, this.folder, signal);
    return { versioning, objectLock, conditionalPut, maxObjectBytes: toMaxObjectBytes(this.connection.parts) };
  }

  private hasLock(signal: AbortSignal): Promise<boolean> {
    this.lockConfigured ??= hasObjectLock(this.connection, signal).catch((error) => {
      this.lockConfigured = undefined;
      throw error;
    });
    return this.lockConfigured;
  }

  private async requireUnlocked(fullKey: string, signal: AbortSignal): Promise<void> {
    const head = await findHead(this.connection, fullKey, signal);
    if (head?.lockedUntil === undefined || head.lockedUntil <= new Date()) return;
    const lockedUntil = head.lockedUntil.toISOString();
    throw new AppError('repository.locked', `${fullKey} is locked until ${lockedUntil}`, { key: fullKey, lockedUntil });
  }

  private async openAt(fullKey: string, offset: number, signal: AbortSignal): Promise<S3Body> {
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const input = { Bucket: this.connection.bucket, Key: fullKey, ...range };
    const answer = await this.connection.request(`read ${fullKey}`, signal, (client, o) =>
      client.send(new GetObjectCommand(input), o),
    );
    const rest = answer.ContentLength ?? 0;
    return { body: answer.Body as Readable, etag: unquote(answer.ETag), sizeBytes: offset + rest };
  }

  private toFullKey(key: ObjectKey): string {
    return this.folder + parseObjectKey(key);
  }
}
