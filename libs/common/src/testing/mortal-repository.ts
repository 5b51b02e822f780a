import type { Readable } from 'node:stream';
import {
  BackupRepository,
  type ObjectKey,
  type PutOptions,
  type ReadOptions,
  type RepositoryTraits,
  type StoredObject,
  type WrittenObject,
} from '#common/repository/backup-repository.js';

/** The process died: nothing that it would have done afterwards happens. */
export class Killed extends Error {}

/** A repository whose user dies before its n-th change, on a real store. */
export class MortalRepository extends BackupRepository {
  readonly name: string;
  readonly location: string;
  changes = 0;

  constructor(
    private readonly inner: BackupRepository,
    private readonly diesBefore: number,
  ) {
    super(inner.encryption);
    this.name = inner.name;
    this.location = inner.location;
  }

  async put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    this.live();
    return this.inner.put(key, body, o);
  }

  async remove(key: ObjectKey, o: ReadOptions): Promise<void> {
    this.live();
    await this.inner.remove(key, o);
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

  abortUnfinished(prefix: string, olderThan: Date, o: ReadOptions): Promise<number> {
    return this.inner.abortUnfinished(prefix, olderThan, o);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private live(): void {
    this.changes += 1;
    if (this.changes >= this.diesBefore) throw new Killed(`killed before change ${this.diesBefore}`);
  }
}
