import { Readable } from 'node:stream';
import {
  BackupRepository,
  type ObjectKey,
  type PutOptions,
  type ReadOptions,
  type RepositoryTraits,
  type StoredObject,
  type WrittenObject,
} from '#common/repository/backup-repository.js';

/**
 * A repository that stops taking a stream after its first bytes until `meanwhile` has run: the producers are then alive and
 * blocked, whatever the machine's speed.
 */
export class PausedRepository extends BackupRepository {
  readonly name: string;
  readonly location: string;

  constructor(
    private readonly inner: BackupRepository,
    private readonly meanwhile: (key: ObjectKey) => Promise<void>,
  ) {
    super(inner.encryption);
    this.name = inner.name;
    this.location = inner.location;
  }

  put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    const paused = body instanceof Uint8Array ? body : Readable.from(this.pause(key, body), { objectMode: false });
    return this.inner.put(key, paused, o);
  }

  traits(o: ReadOptions): Promise<RepositoryTraits> {
    return this.inner.traits(o);
  }

  get(key: ObjectKey, o: ReadOptions): Promise<Readable> {
    return this.inner.get(key, o);
  }

  stat(key: ObjectKey, o: ReadOptions): Promise<StoredObject | undefined> {
    return this.inner.stat(key, o);
  }

  list(prefix: string, o: ReadOptions): AsyncIterable<StoredObject> {
    return this.inner.list(prefix, o);
  }

  remove(key: ObjectKey, o: ReadOptions): Promise<void> {
    return this.inner.remove(key, o);
  }

  abortUnfinished(prefix: string, olderThan: Date, o: ReadOptions): Promise<number> {
    return this.inner.abortUnfinished(prefix, olderThan, o);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private async *pause(key: ObjectKey, body: Readable): AsyncGenerator<Buffer> {
    let isFirst = true;
    for await (const chunk of body) {
      yield chunk as Buffer;
      if (isFirst) await this.meanwhile(key);
      isFirst = false;
    }
  }
}
