import { randomBytes } from 'node:crypto';
import { link, mkdir, mkdtemp, open, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { AppError } from '#common/errors/app-error.js';
import {
  BackupRepository,
  type ListOptions,
  type ObjectKey,
  type PutOptions,
  type ReadOptions,
  type RemovedObject,
  type RepositoryEncryption,
  type RepositoryTraits,
  type StatedObject,
  type StoredObject,
  type WrittenObject,
} from './backup-repository.js';
import { destroyOnAbort } from './destroy-on-abort.js';
import { ExactLength } from './exact-length.js';
import { errnoOf, toFileRepositoryError } from './file-errors.js';
import {
  findFile,
  findFolder,
  isAbsence,
  makeFolders,
  removeEmptyFolders,
  syncDirectory,
  walkFiles,
} from './file-tree.js';
import { parseObjectKey, toListPrefix } from './layout.js';
import { removeUnfinished, UNFINISHED, UnfinishedFile } from './unfinished-file.js';

/** Backups in a directory: local, or a mounted share. The root must exist, so that an unmounted share is an error and not an empty repository. */
export class FileRepository extends BackupRepository {
  readonly location: string;
  private linkSupport: Promise<boolean> | undefined;

  constructor(
    readonly name: string,
    private readonly root: string,
    encryption?: RepositoryEncryption,
  ) {
    super(encryption);
    this.location = `file://${root}`;
  }

  async traits({ signal }: ReadOptions): Promise<RepositoryTraits> {
    signal.throwIfAborted();
    return this.attempt('examine', '', async () => ({
      conditionalPut: await this.canLink(),
      versioning: false,
      objectLock: false,
      maxObjectBytes: null,
    }));
  }

  async put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    parseObjectKey(key);
    o.signal.throwIfAborted();
    const stream = body instanceof Uint8Array ? body : destroyOnAbort(body, o.signal);
    try {
      return await this.attempt('write', key, () => this.write(key, stream, o));
    } catch (error) {
      if (!(body instanceof Uint8Array)) body.destroy(error as Error);
      throw error;
    }
  }

  async get(key: ObjectKey, { signal }: ReadOptions): Promise<Readable> {
    parseObjectKey(key);
    signal.throwIfAborted();
    const { file, sizeBytes } = await this.attempt('read', key, () => this.openFile(key));
    const source = file.createReadStream({ highWaterMark: 1 << 20 });
    const output = new ExactLength(key, sizeBytes);
    source.on('error', (error) => output.destroy(toFileRepositoryError(error, `read ${key}`) as Error));
    pipeline(source, output, () => undefined);
    return destroyOnAbort(output, signal);
  }

  async stat(key: ObjectKey, { signal }: ReadOptions): Promise<StatedObject | undefined> {
    parseObjectKey(key);
    signal.throwIfAborted();
    return this.attempt('look at', key, async () => {
      const found = await findFile(this.root, key);
      if (!found) await this.requireRoot();
      return found && { ...found, lockedUntil: null };
    });
  }

  async *list(prefix: string, { signal, namePrefix }: ListOptions): AsyncIterable<StoredObject> {
    const folder = toListPrefix(prefix).replace(/\/$/, '');
    await this.attempt('list', prefix, () => this.requireRoot());
    const files = walkFiles(this.root, folder, namePrefix);
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await this.attempt('list', prefix, () => files.next());
      if (done) return;
      yield value;
    }
  }

  async remove(key: ObjectKey, { signal }: ReadOptions): Promise<RemovedObject> {
    parseObjectKey(key);
    signal.throwIfAborted();
    return this.attempt('remove', key, async () => {
      await this.requireRoot();
      const sizeBytes = (await findFile(this.root, key))?.sizeBytes ?? 0;
      await rm(join(this.root, key)).catch((error) => {
        if (!isAbsence(error)) throw error;
      });
      await removeEmptyFolders(this.root, key);
      return { sizeBytes, isFreed: true };
    });
  }

  /** A user who may make a folder of any name in one may remove what is in it. */
  async requireRemovable(key: ObjectKey, { signal }: ReadOptions): Promise<void> {
    parseObjectKey(key);
    signal.throwIfAborted();
    await this.attempt('remove', key, async () => {
      await this.requireRoot();
      const folder = await findFolder(this.root, key);
      const made = await mkdtemp(join(folder, '.removable-')).catch((error: unknown) => {
        // A remove of the last neighbour took the folder away in between, so that is allowed.
        if (errnoOf(error) !== 'ENOENT') throw error;
      });
      if (made !== undefined) await rmdir(made);
    });
  }

  async removeHidden(_prefix: string, _olderThan: Date, { signal }: ReadOptions): Promise<number> {
    signal.throwIfAborted();
    return 0;
  }

  async extendRetention(_key: ObjectKey, _until: Date, { signal }: ReadOptions): Promise<void> {
    signal.throwIfAborted();
  }

  async abortUnfinished(prefix: string, olderThan: Date, { signal }: ReadOptions): Promise<number> {
    signal.throwIfAborted();
    return this.attempt('clean', prefix, () => removeUnfinished(this.root, toListPrefix(prefix), olderThan));
  }

  async close(): Promise<void> {}

  private async write(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    if (o.ifAbsent && (await findFile(this.root, key))) throw this.toExistsError(key);
    const unfinished = await this.createUnfinished(key);
    try {
      const written = await unfinished.write(body, o);
      await unfinished.seal();
      const ifAbsent = o.ifAbsent ?? false;
      await this.publish(unfinished, key, { ifAbsent, canLink: ifAbsent && (await this.canLink()) });
      return { key, ...written };
    } catch (error) {
      await unfinished.discard();
      throw errnoOf(error) === 'EEXIST' ? this.toExistsError(key) : error;
    }
  }

  private async createUnfinished(key: ObjectKey): Promise<UnfinishedFile> {
    await this.requireRoot();
    await mkdir(join(this.root, UNFINISHED), { recursive: true, mode: 0o750 });
    return UnfinishedFile.create(this.root, key);
  }

  private async publish(
    file: UnfinishedFile,
    key: ObjectKey,
    o: { ifAbsent: boolean; canLink: boolean },
  ): Promise<void> {
    const target = join(this.root, key);
    for (let tries = 1; ; tries += 1) {
      await makeFolders(this.root, key);
      try {
        await file.publish(target, o);
        break;
      } catch (error) {
        // A remove of the last neighbour took the folder away in between.
        if (errnoOf(error) !== 'ENOENT' || tries === 5) throw error;
      }
    }
    await syncDirectory(dirname(target));
  }

  private async openFile(key: ObjectKey) {
    const file = await open(join(this.root, key), 'r').catch(async (error) => {
      if (!isAbsence(error)) throw error;
      await this.requireRoot();
      throw new AppError('repository.object-missing', `${key} is not in ${this.location}`, { key });
    });
    return { file, sizeBytes: (await file.stat()).size };
  }

  private async requireRoot(): Promise<void> {
    const stats = await stat(this.root).catch((error) => {
      if (!isAbsence(error)) throw error;
      return undefined;
    });
    if (!stats?.isDirectory()) throw new AppError('repository.missing', `there is no directory ${this.root}`);
  }

  /** Some shares know no hard links: then `ifAbsent` is a check before the write. */
  private async canLink(): Promise<boolean> {
    this.linkSupport ??= this.tryLink();
    return this.linkSupport.catch((error) => {
      this.linkSupport = undefined;
      throw error;
    });
  }

  private async tryLink(): Promise<boolean> {
    await this.requireRoot();
    await mkdir(join(this.root, UNFINISHED), { recursive: true, mode: 0o750 });
    const probe = join(this.root, UNFINISHED, `probe~${randomBytes(6).toString('hex')}`);
    try {
      await writeFile(probe, '');
      await link(probe, `${probe}.link`);
      return true;
    } catch (error) {
      if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(errnoOf(error) ?? '')) return false;
      throw error;
    } finally {
      await Promise.all([rm(probe, { force: true }), rm(`${probe}.link`, { force: true })]);
    }
  }

  private toExistsError(key: ObjectKey): AppError {
    return new AppError('repository.exists', `${key} exists already in ${this.location}`, { key });
  }

  private async attempt<T>(verb: string, key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toFileRepositoryError(error, `${verb} ${join(this.root, key)}`);
    }
  }
}
