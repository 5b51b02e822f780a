import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BucketClient } from '#common/engines/bucket/bucket-client.js';
import { isCode } from '#common/engines/bucket/bucket-errors.js';
import { type BucketPlace, CONTROL_PREFIX, toPlaceText } from '#common/engines/bucket/bucket-place.js';
import type { AttemptIdentity, Fence, FenceOptions } from '#common/engines/engine.js';
import { AppError } from '#common/errors/app-error.js';
import { type FoundLock, findLock, type HeldLock, type LockFile, listLocks, lockKey, putLock } from './lock-file.js';

/** A lock that was not renewed for so long is of a process that died. */
export const LOCK_LIVES_MS = 180_000;
const RENEW_MS = 20_000;
const LOOK_MS = 2_000;
/** Its holder writes nothing any more well before another one may take the lock. */
const HOLDER_STOPS_MS = 90_000;
const TIDY_MS = 10_000;

/**
 * An object that names the run which writes below a prefix, written on the condition that there was none. A server knows no sessions that end with their
 * process, so it is renewed, and looked at before each write.
 */
export class BucketFence implements Fence {
  readonly whenLost: Promise<Error>;
  private readonly lost = Promise.withResolvers<Error>();
  private readonly stop = new AbortController();
  private renewedMs = performance.now();
  private error: Error | undefined;
  private watching: Promise<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly key: string;

  private constructor(
    readonly client: BucketClient,
    private lock: LockFile,
    private held: HeldLock,
  ) {
    this.key = lockKey(lock.prefix);
    this.whenLost = this.lost.promise;
  }

  /** Throws: restore.busy while another run writes there, above or below; claim.lost when a later attempt of this run does; bucket.*. */
  static async open(place: BucketPlace, identity: AttemptIdentity, o: FenceOptions): Promise<BucketFence> {
    const client = new BucketClient(place);
    try {
      const fence = await acquire(client, place, identity, o);
      fence.watching = fence.watch();
      return fence;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  static of(client: BucketClient, lock: LockFile, held: HeldLock): BucketFence {
    return new BucketFence(client, lock, held);
  }

  /** Whether the run found the place empty, and began to fill it. */
  get isFilling(): boolean {
    return this.lock.isFilling;
  }

  /** Before the first object is written to a place that is empty, and after the last one, or when all of them are gone. Throws: claim.lost, bucket.*. */
  setFilling(isFilling: boolean): Promise<void> {
    return this.inTurn(() => {
      this.lock = { ...this.lock, isFilling };
      return this.renew(AbortSignal.timeout(TIDY_MS));
    });
  }

  /** Throws when others may be writing there by now: to be asked right before each write. */
  assertHeld(): void {
    if (this.error === undefined && performance.now() - this.renewedMs > HOLDER_STOPS_MS)
      this.lose(new AppError('claim.lost', `the lock ${this.key} could not be renewed in time`));
    if (this.error !== undefined) throw this.error;
  }

  async close(): Promise<void> {
    if (this.stop.signal.aborted) return;
    this.stop.abort();
    await this.watching;
    if (this.error === undefined) await this.release().catch(() => undefined);
    this.client.close();
  }

  private release(): Promise<void> {
    const signal = AbortSignal.timeout(TIDY_MS);
    if (!this.lock.isFilling) return this.client.remove(this.key, signal, this.held.versionId);
    this.lock = { ...this.lock, isReleased: true };
    return this.renew(signal);
  }

  private async watch(): Promise<void> {
    const { signal } = this.stop;
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || this.error !== undefined) return;
      try {
        const isDue = performance.now() - this.renewedMs > RENEW_MS;
        await this.inTurn(() => (isDue ? this.renew(signal) : this.look(signal)));
        this.assertHeld();
      } catch (error) {
        if (signal.aborted) return;
        if (isCode(error, 'claim.lost')) this.lose(error);
      }
    }
  }

  private async look(signal: AbortSignal): Promise<void> {
    const found = await this.client.head(this.key, signal);
    if (found?.etag !== this.held.etag) throw new AppError('claim.lost', `the lock ${this.key} was taken away`);
  }

  private async renew(signal: AbortSignal): Promise<void> {
    const beforeMs = performance.now();
    const { versionId, etag } = this.held;
    this.lock = { ...this.lock, nonce: randomUUID() };
    try {
      this.held = await putLock(this.client, this.lock, { etag, signal });
    } catch (error) {
      if (isCode(error, 'bucket.changed')) throw new AppError('claim.lost', `the lock ${this.key} was taken away`);
      throw error;
    }
    this.renewedMs = beforeMs;
    if (versionId !== undefined) await this.client.remove(this.key, signal, versionId).catch(() => undefined);
  }

  /** A look in the middle of a renewal would see a lock that is not known yet. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const next = this.turn.then(work);
    this.turn = next.catch(() => undefined);
    return next;
  }

  private lose(error: Error): void {
    this.error ??= error;
    this.lost.resolve(this.error);
  }
}

async function acquire(
  client: BucketClient,
  { prefix, bucket }: BucketPlace,
  identity: AttemptIdentity,
  o: FenceOptions,
): Promise<BucketFence> {
  const key = lockKey(prefix);
  const decide = (other: FoundLock) => mayTake(client, other, { identity, ...o });
  const there = await findLock(client, key, o.signal);
  if (there !== undefined) await decide(there);
  const isFilling = there?.runId === identity.runId && there.isFilling;
  const own = { ...identity, prefix, isFilling, isReleased: false, nonce: randomUUID() };
  const lock: LockFile = { formatVersion: 1, ...own };
  const busy = () => new AppError('restore.busy', `another restore is writing to ${toPlaceText({ bucket, prefix })}`);
  const held = await putLock(client, lock, { etag: there?.etag, signal: o.signal }).catch((error) => {
    throw isCode(error, 'bucket.changed') ? busy() : error;
  });
  const fence = BucketFence.of(client, lock, held);
  try {
    // Two that came at once see each other here, also in a server that ignores the condition.
    if ((await findLock(client, key, o.signal))?.nonce !== lock.nonce) throw busy();
    for (const other of await listLocks(client, o.signal)) {
      if (
        other.key === key ||
        other.isReleased ||
        !(other.prefix.startsWith(prefix) || prefix.startsWith(other.prefix))
      )
        continue;
      await decide(other);
      await client.remove(other.key, o.signal);
    }
    return fence;
  } catch (error) {
    await client.remove(key, AbortSignal.timeout(TIDY_MS), held.versionId).catch(() => undefined);
    throw error;
  }
}

/** Throws unless the run of another lock is over, is ours, or was not heard of for longer than a lock lives. */
async function mayTake(
  client: BucketClient,
  other: FoundLock,
  { identity, signal, isOver }: FenceOptions & { readonly identity: AttemptIdentity },
): Promise<void> {
  const { runId, attempt } = identity;
  if (other.runId === runId) {
    if (other.attempt <= attempt) return;
    throw new AppError('claim.lost', `a later attempt than ${attempt} restores for run ${runId}`, { runId, attempt });
  }
  if (other.isReleased || (await isOver?.(other.runId))) return;
  if ((await readClock(client, signal)).getTime() - other.renewedAt.getTime() > LOCK_LIVES_MS) return;
  const place = toPlaceText({ bucket: client.bucket, prefix: other.prefix });
  throw new AppError('restore.busy', `another restore is writing to ${place}`, { runId: other.runId });
}

/** What the server takes for now: locks are as old as it says. */
async function readClock(client: BucketClient, signal: AbortSignal): Promise<Date> {
  const key = `${CONTROL_PREFIX}clock-${randomUUID()}`;
  const { versionId } = await client.putConditionally(key, Buffer.from('now\n'), { etag: undefined, signal });
  try {
    return (await client.head(key, signal))?.modifiedAt ?? new Date(0);
  } finally {
    await client.remove(key, AbortSignal.timeout(TIDY_MS), versionId).catch(() => undefined);
  }
}

/** Takes away the locks of runs, so that their holders stop. `keep` leaves what tells of a place that is half filled. Returns the runs. Throws: bucket.*. */
export async function breakLocks(
  client: BucketClient,
  { isMeant, keep }: { readonly isMeant: (lock: FoundLock) => boolean | Promise<boolean>; readonly keep: boolean },
  signal: AbortSignal,
): Promise<string[]> {
  const ended: string[] = [];
  for (const { key, etag, renewedAt: _, ...lock } of await listLocks(client, signal)) {
    if (!(await isMeant({ key, etag, renewedAt: _, ...lock }))) continue;
    if (!keep || !lock.isFilling) await client.remove(key, signal);
    else if (!lock.isReleased)
      await putLock(client, { ...lock, isReleased: true, nonce: randomUUID() }, { etag, signal });
    ended.push(lock.runId);
  }
  return ended;
}
