import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptIdentity, Fence, FenceOptions } from '#common/engines/engine.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchConnection } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { type OwnIndex, parseOwnIndex, removeOwnIndexes, toHolder, toLockName } from './own-indexes.js';

const LOOK_EVERY_MS = 500;
const RENEW_EVERY_MS = 15_000;
/** On the server's own clock, between the last sign of a holder and the call of the one that waits. */
const LEASE_MS = 90_000;
const MAX_TRIES = 5;
const CLOSE_MS = 30_000;

/**
 * An empty index is the lock of a destination: to make one succeeds once. It keeps restores out of each other's way; that a restore which lost it does
 * no harm rests on the swap, which fails when the fresh indexes are gone. ADR 136.
 */
export class RestoreFence implements Fence {
  readonly whenLost: Promise<Error>;
  private readonly ending = new AbortController();

  private constructor(
    private readonly connection: MeilisearchConnection,
    private readonly lock: string,
    private readonly holder: string,
  ) {
    const client = new MeilisearchClient(connection, this.ending.signal);
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.whenLost = promise;
    this.watch(client).then(resolve, (error: unknown) => {
      if (!this.ending.signal.aborted) resolve(toAppError(error));
    });
  }

  /** Throws: restore.busy, claim.lost, meilisearch.*. */
  static async open(
    connection: MeilisearchConnection,
    destination: string,
    { identity, isOver, signal }: FenceOptions & { readonly identity: AttemptIdentity },
  ): Promise<RestoreFence> {
    const client = new MeilisearchClient(connection, signal);
    const lock = toLockName(destination);
    for (let times = 0; times < MAX_TRIES; times += 1) {
      const asked = await client.createIndex(lock, toHolder(identity));
      const ended = await client.end(asked.uid);
      if (ended.status === 'succeeded') return new RestoreFence(connection, lock, toHolder(identity));
      if (ended.error?.code !== 'index_already_exists') await client.done(asked);
      const found = await client.findIndex(lock);
      const other = found === undefined ? undefined : parseOwnIndex(found);
      if (other === undefined) continue;
      const isDead =
        (await isEarlier(other, identity)) ||
        (await isOver?.(other.runId)) === true ||
        (await isSilent(client, lock, asked.enqueuedAt));
      if (!isDead) break;
      await removeOwnIndexes(client, (own) => own.runId === other.runId && own.attempt <= other.attempt);
    }
    throw new AppError('restore.busy', `another restore to ${destination} is under way`, { destination });
  }

  async close(): Promise<void> {
    this.ending.abort(new Error('the restore is over'));
    const client = new MeilisearchClient(this.connection, AbortSignal.timeout(CLOSE_MS));
    // What stays behind is swept.
    if (await this.isHeld(client).catch(() => false)) await client.removeIndex(this.lock).catch(() => undefined);
  }

  async isHeld(client: MeilisearchClient): Promise<boolean> {
    return (await client.findIndex(this.lock))?.primaryKey === this.holder;
  }

  private async watch(client: MeilisearchClient): Promise<Error> {
    for (let renewedMs = 0; ; renewedMs += LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.ending.signal });
      if (!(await this.isHeld(client)))
        return new AppError('claim.lost', `the lock ${this.lock} of this restore was taken away`);
      if (renewedMs < RENEW_EVERY_MS) continue;
      renewedMs = 0;
      await client.renewPrimaryKey(this.lock, this.holder);
    }
  }
}

/** Throws: claim.lost where a later attempt of the run is there. */
async function isEarlier(other: OwnIndex, { runId, attempt }: AttemptIdentity): Promise<boolean> {
  if (other.runId !== runId) return false;
  if (other.attempt <= attempt) return true;
  throw new AppError('claim.lost', `a later attempt than ${attempt} restores for run ${runId}`, { runId, attempt });
}

/** A holder renews by tasks. When they were enqueued counts, for a server may be busy with others for hours. */
async function isSilent(client: MeilisearchClient, lock: string, now: string): Promise<boolean> {
  // What others asked for in vain is no sign of the holder.
  const statuses = 'enqueued,processing,succeeded';
  const [newest] = await client.tasks({ indexUids: lock, types: 'indexCreation,indexUpdate', statuses, limit: 1 });
  return newest === undefined || Date.parse(now) - Date.parse(newest.enqueuedAt) > LEASE_MS;
}
