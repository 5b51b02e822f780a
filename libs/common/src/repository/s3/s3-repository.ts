import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import {
  BackupRepository,
  type ListOptions,
  type ObjectKey,
  type PutOptions,
  type ReadOptions,
  type RemovedObject,
  type RepositoryEncryption,
  type RepositoryLock,
  type RepositoryTraits,
  type StatedObject,
  type StoredObject,
  type WrittenObject,
} from '../backup-repository.js';
import { destroyOnAbort } from '../destroy-on-abort.js';
import {
  isControlKey,
  isDeletionKey,
  isObjectKey,
  isProbeKey,
  parseObjectKey,
  probeKey,
  toListPrefix,
} from '../layout.js';
import type { S3Connection } from './connection.js';
import { isAccessDenied, statusOf } from './errors.js';
import { type S3Body, S3ObjectStream } from './object-stream.js';
import { abortUploads, findHead, listObjects, unquote } from './objects.js';
import { toMaxObjectBytes } from './parts.js';
import { putObject } from './put.js';
import { S3Removal } from './removal.js';
import { type BucketLock, findBucketLock, hasConditionalPut, hasVersioning } from './traits.js';
import type { ObjectLock, S3UploadOptions } from './upload.js';

/** What overrides the default retention of a bucket, below `_control/` only. No shorter: clocks differ. */
const SHORTEST_LOCK_MS = 60_000;

export interface S3RepositoryOptions {
  readonly prefix: string;
  /** Of what deletes, where that has a credential of its own. */
  readonly deleting?: S3Connection | undefined;
  readonly encryption?: RepositoryEncryption | undefined;
  readonly lock?: RepositoryLock | undefined;
}

/** Backups in a bucket of any S3-compatible server, below a prefix. */
export class S3Repository extends BackupRepository {
  readonly location: string;
  /** Empty, or ends with a slash. */
  private readonly folder: string;
  private readonly deleting: S3Connection;
  private readonly removal: { readonly control: S3Removal; readonly backups: S3Removal };
  private knownTraits: Promise<RepositoryTraits> | undefined;
  private knownVersioning: Promise<boolean | null> | undefined;
  private knownLock: Promise<BucketLock> | undefined;

  constructor(
    readonly name: string,
    private readonly connection: S3Connection,
    { prefix, deleting, encryption, lock }: S3RepositoryOptions,
  ) {
    super(encryption, lock);
    this.folder = prefix === '' ? '' : `${prefix}/`;
    this.location = `s3://${[connection.bucket, prefix].filter(Boolean).join('/')} at ${connection.place}`;
    this.deleting = deleting ?? connection;
    const keepsVersions = (signal: AbortSignal) => this.keepsVersions(signal);
    const whose =
      deleting === undefined
        ? `the credential of repository ${name}, which has no \`delete\` here,`
        : `the credential in \`delete\` of repository ${name}`;
    this.removal = {
      control: new S3Removal({ connection, credential: `the credential of repository ${name}`, keepsVersions }),
      backups: new S3Removal({ connection: this.deleting, credential: whose, keepsVersions }),
    };
  }

  traits({ signal }: ReadOptions): Promise<RepositoryTraits> {
    this.knownTraits ??= this.discover(signal).catch((error) => {
      this.knownTraits = undefined;
      throw error;
    });
    return this.knownTraits;
  }

  async put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    const { signal, ifAbsent = false, onProgress, retainUntil } = o;
    const fullKey = this.toFullKey(key);
    // A policy can keep the credential that writes from asking for a deletion.
    const connection = isDeletionKey(key) ? this.deleting : this.connection;
    const options = { signal, ifAbsent, onProgress };
    const isOnlyControl = isControlKey(key) && !(isProbeKey(key) && retainUntil !== undefined);
    if (isOnlyControl) return { key, ...(await this.putControl(connection, fullKey, body, options)) };
    const lock = retainUntil && this.lock && { mode: toMode(this.lock), until: retainUntil };
    return { key, ...(await putObject(connection, fullKey, body, { ...options, lock })) };
  }

  async get(key: ObjectKey, { signal }: ReadOptions): Promise<Readable> {
    const fullKey = this.toFullKey(key);
    const openAt = (offset: number) => this.openAt(fullKey, offset, signal);
    return destroyOnAbort(new S3ObjectStream(fullKey, await openAt(0), openAt), signal);
  }

  async stat(key: ObjectKey, { signal }: ReadOptions): Promise<StatedObject | undefined> {
    const head = await findHead(this.connection, this.toFullKey(key), signal);
    if (head === undefined) return undefined;
    const { sizeBytes, modifiedAt, lockedUntil } = head;
    return { key, sizeBytes, modifiedAt, lockedUntil: lockedUntil ?? null };
  }

  async *list(prefix: string, { signal, namePrefix = '' }: ListOptions): AsyncIterable<StoredObject> {
    const from = this.folder + toListPrefix(prefix) + namePrefix;
    for await (const object of listObjects(this.connection, from, signal)) {
      signal.throwIfAborted();
      const key = object.key.slice(this.folder.length);
      // Consoles leave empty objects that stand for folders; other programs may share the bucket.
      if (isObjectKey(key)) yield { ...object, key };
    }
  }

  async remove(key: ObjectKey, { signal }: ReadOptions): Promise<RemovedObject> {
    const fullKey = this.toFullKey(key);
    return isControlKey(key)
      ? this.removal.control.removeOrHide(fullKey, signal)
      : this.removal.backups.remove(fullKey, signal);
  }

  async requireRemovable(key: ObjectKey, { signal }: ReadOptions): Promise<void> {
    await this.removal.backups.requireRemovable(this.toFullKey(key), signal);
  }

  async removeHidden(prefix: string, olderThan: Date, { signal }: ReadOptions): Promise<number> {
    return this.removal.backups.removeHidden(this.folder + toListPrefix(prefix), olderThan, signal);
  }

  async extendRetention(key: ObjectKey, until: Date, { signal }: ReadOptions): Promise<void> {
    if (this.lock === undefined) return;
    const fullKey = this.toFullKey(key);
    const head = await findHead(this.connection, fullKey, signal);
    if (head === undefined)
      throw new AppError('repository.object-missing', `${key} is not in ${this.location}`, { key });
    if (head.lockedUntil !== undefined && head.lockedUntil >= until) return;
    // Another mode than the object has would be a weaker lock, or none that these keys may set.
    const Retention = { Mode: head.lockMode ?? toMode(this.lock), RetainUntilDate: until };
    const input = { Bucket: this.connection.bucket, Key: fullKey, Retention };
    await this.connection.request(`lock ${fullKey}`, signal, (client, o) =>
      client.send(new PutObjectRetentionCommand(input), o),
    );
  }

  async abortUnfinished(prefix: string, olderThan: Date, { signal }: ReadOptions): Promise<number> {
    return abortUploads(this.deleting, { prefix: this.folder + toListPrefix(prefix), olderThan }, signal);
  }

  async close(): Promise<void> {
    this.connection.close();
    this.deleting.close();
  }

  private async discover(signal: AbortSignal): Promise<RepositoryTraits> {
    const [versioning, { isEnabled: objectLock }] = [await this.keepsVersions(signal), await this.bucketLock(signal)];
    const key = probeKey(randomUUID());
    await this.put(key, Buffer.from('probe'), { signal });
    try {
      const fullKey = this.toFullKey(key);
      const conditionalPut = await hasConditionalPut(this.connection, fullKey, signal);
      const hasVersion = (await findHead(this.connection, fullKey, signal))?.versionId !== undefined;
      const maxObjectBytes = toMaxObjectBytes(this.connection.parts);
      return { versioning: versioning ?? (hasVersion || null), objectLock, conditionalPut, maxObjectBytes };
    } finally {
      await this.remove(key, { signal });
    }
  }

  /** A default retention would keep for long what is renewed every minute: what has a short lock of its own is not caught by it. */
  private async putControl(
    connection: S3Connection,
    fullKey: string,
    body: Readable | Uint8Array,
    o: S3UploadOptions,
  ): Promise<Omit<WrittenObject, 'key'>> {
    const { hasDefault } = await this.bucketLock(o.signal);
    if (!hasDefault || !(body instanceof Uint8Array)) return putObject(connection, fullKey, body, o);
    const lock = { mode: 'GOVERNANCE' as const, until: new Date(Date.now() + SHORTEST_LOCK_MS) };
    return putObject(connection, fullKey, body, { ...o, lock }).catch((error: unknown) => {
      // These keys may lock nothing, or our clock is behind: then the default keeps it, which `holdfast check` reports.
      if (isAccessDenied(error) || statusOf((error as Error).cause) === 400)
        return putObject(connection, fullKey, body, o);
      throw error;
    });
  }

  private keepsVersions(signal: AbortSignal): Promise<boolean | null> {
    this.knownVersioning ??= hasVersioning(this.connection, signal).catch((error) => {
      this.knownVersioning = undefined;
      throw error;
    });
    return this.knownVersioning;
  }

  private bucketLock(signal: AbortSignal): Promise<BucketLock> {
    this.knownLock ??= findBucketLock(this.connection, signal).catch((error) => {
      this.knownLock = undefined;
      throw error;
    });
    return this.knownLock;
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

const toMode = ({ mode }: RepositoryLock): ObjectLock['mode'] => (mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE');
