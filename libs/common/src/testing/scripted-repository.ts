import { Readable } from 'node:stream';
import { BackupRepository, type ObjectKey } from '#common/repository/backup-repository.js';

type Method = keyof Pick<
  BackupRepository,
  | 'traits'
  | 'put'
  | 'get'
  | 'stat'
  | 'list'
  | 'remove'
  | 'requireRemovable'
  | 'removeHidden'
  | 'extendRetention'
  | 'abortUnfinished'
>;

/** What happens in place of a call; `real` makes the call. */
export type Script = {
  readonly [M in Method]?: (
    real: BackupRepository[M],
    ...args: Parameters<BackupRepository[M]>
  ) => ReturnType<BackupRepository[M]>;
};

/** A real repository, some of whose calls a spec replaces. */
export class ScriptedRepository extends BackupRepository {
  readonly name: string;
  readonly location: string;

  constructor(
    private readonly inner: BackupRepository,
    private readonly script: Script,
  ) {
    super(inner.encryption, inner.lock);
    this.name = inner.name;
    this.location = inner.location;
  }

  traits(...args: Parameters<BackupRepository['traits']>) {
    return this.play('traits', args);
  }

  put(...args: Parameters<BackupRepository['put']>) {
    return this.play('put', args);
  }

  get(...args: Parameters<BackupRepository['get']>) {
    return this.play('get', args);
  }

  stat(...args: Parameters<BackupRepository['stat']>) {
    return this.play('stat', args);
  }

  list(...args: Parameters<BackupRepository['list']>) {
    return this.play('list', args);
  }

  remove(...args: Parameters<BackupRepository['remove']>) {
    return this.play('remove', args);
  }

  requireRemovable(...args: Parameters<BackupRepository['requireRemovable']>) {
    return this.play('requireRemovable', args);
  }

  removeHidden(...args: Parameters<BackupRepository['removeHidden']>) {
    return this.play('removeHidden', args);
  }

  extendRetention(...args: Parameters<BackupRepository['extendRetention']>) {
    return this.play('extendRetention', args);
  }

  abortUnfinished(...args: Parameters<BackupRepository['abortUnfinished']>) {
    return this.play('abortUnfinished', args);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private play<M extends Method>(method: M, args: Parameters<BackupRepository[M]>): ReturnType<BackupRepository[M]> {
    type Call = (...args: unknown[]) => ReturnType<BackupRepository[M]>;
    const real = (this.inner[method] as Call).bind(this.inner);
    const scripted = this.script[method] as Call | undefined;
    return scripted === undefined ? real(...args) : scripted(real, ...args);
  }
}

/**
 * The repository stops taking a stream after its first bytes until `meanwhile` has run: the producers are then alive and blocked,
 * whatever the machine's speed.
 */
export function pausing(meanwhile: (key: ObjectKey) => Promise<void>): Script {
  async function* pause(key: ObjectKey, body: Readable): AsyncGenerator<Buffer> {
    let isFirst = true;
    for await (const chunk of body) {
      yield chunk as Buffer;
      if (isFirst) await meanwhile(key);
      isFirst = false;
    }
  }
  return {
    put: (put, key, body, o) =>
      put(key, body instanceof Uint8Array ? body : Readable.from(pause(key, body), { objectMode: false }), o),
  };
}

export interface Change {
  readonly kind: 'put' | 'stored' | 'remove';
  readonly key: ObjectKey;
  readonly isOverNothing: boolean;
}

/** Reports every change in order: before the repository makes it, and a write after it too. */
export const observing = (onChange: (change: Change) => unknown): Script => ({
  put: async (put, key, body, o) => {
    const isOverNothing = o.ifAbsent ?? false;
    await onChange({ kind: 'put', key, isOverNothing });
    const written = await put(key, body, o);
    await onChange({ kind: 'stored', key, isOverNothing });
    return written;
  },
  remove: async (remove, key, o) => {
    await onChange({ kind: 'remove', key, isOverNothing: false });
    return remove(key, o);
  },
});

/** The process died: nothing that it would have done afterwards happens. */
export class Killed extends Error {}

/** The user of the repository dies before its n-th change. */
export function dyingBefore(change: number): Script {
  let changes = 0;
  return observing(({ kind }) => {
    if (kind === 'stored') return;
    changes += 1;
    if (changes >= change) throw new Killed(`killed before change ${change}`);
  });
}
