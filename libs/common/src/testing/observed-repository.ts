import type { Readable } from 'node:stream';
import type {
  BackupRepository,
  ObjectKey,
  PutOptions,
  ReadOptions,
  WrittenObject,
} from '#common/repository/backup-repository.js';
import { PausedRepository } from './paused-repository.js';

export interface Change {
  readonly kind: 'put' | 'stored' | 'remove';
  readonly key: ObjectKey;
  readonly isOverNothing: boolean;
}

/** A repository that tells of every change, in order: before it is made, and of a write after it too. */
export class ObservedRepository extends PausedRepository {
  constructor(
    inner: BackupRepository,
    private readonly onChange: (change: Change) => unknown,
  ) {
    super(inner, async () => undefined);
  }

  override async put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject> {
    const isOverNothing = o.ifAbsent ?? false;
    await this.onChange({ kind: 'put', key, isOverNothing });
    const written = await super.put(key, body, o);
    await this.onChange({ kind: 'stored', key, isOverNothing });
    return written;
  }

  override async remove(key: ObjectKey, o: ReadOptions): Promise<void> {
    await this.onChange({ kind: 'remove', key, isOverNothing: false });
    await super.remove(key, o);
  }
}
