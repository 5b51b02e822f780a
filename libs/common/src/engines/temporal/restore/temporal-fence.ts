import type { AttemptIdentity, Fence, FenceOptions } from '#common/engines/engine.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { lockDatabase } from '#common/engines/postgres/restore/lock.js';
import { databasesOf, type PerStore, type TemporalTarget } from '#common/engines/temporal/temporal-dataset.js';

/** Keeps every other restore out of both databases. The main store is locked first, so that two restores never wait for each other. */
export class TemporalFence implements Fence {
  readonly whenLost: Promise<Error>;

  private constructor(readonly locks: PerStore<PgSession>) {
    this.whenLost = Promise.race([locks.main.whenLost, locks.visibility.whenLost]);
  }

  /** Throws: restore.busy; claim.lost when a later attempt of this run is there; postgres.*. */
  static async open({ target, destination, identity }: FencedPlace, o: FenceOptions): Promise<TemporalFence> {
    const names = databasesOf(target, destination);
    const main = await lockDatabase(target.server, names.main, identity, o);
    try {
      const visibility = await lockDatabase(target.server, names.visibility, identity, o);
      return new TemporalFence({ main, visibility });
    } catch (error) {
      await main.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.locks.main.close(), this.locks.visibility.close()]);
  }
}

interface FencedPlace {
  readonly target: TemporalTarget;
  readonly destination: string;
  readonly identity: AttemptIdentity;
}
