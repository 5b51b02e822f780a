import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey, ReadOptions } from '#common/repository/backup-repository.js';
import { PausedRepository } from './paused-repository.js';

class Transparent extends PausedRepository {
  constructor(inner: BackupRepository) {
    super(inner, async () => undefined);
  }
}

/** A store that nobody may look at. */
export class Unseen extends Transparent {
  override put(): never {
    throw new Error('looked');
  }
  override list(): never {
    throw new Error('looked');
  }
}

/** A store that takes no markers of a sweep. */
export class Unwritable extends Transparent {
  override put(...args: Parameters<BackupRepository['put']>) {
    if (!args[0].endsWith('/swept')) return super.put(...args);
    throw new AppError('repository.denied', `${args[0]} may not be written`);
  }
}

/** A store that will not let go of one backup. */
export class Sealed extends Transparent {
  constructor(
    inner: BackupRepository,
    private readonly sealed: string,
  ) {
    super(inner);
  }

  override async remove(key: ObjectKey, o: ReadOptions): Promise<void> {
    if (key.includes(this.sealed) && /(manifest|expiring).json$/.test(key))
      throw new AppError('repository.locked', `${key} is locked until 2030`, { key });
    await super.remove(key, o);
  }
}
