import type { Catalog } from '#common/catalog/catalog.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import type { Logger } from '#common/telemetry/logger.js';
import { type Background, inBackground, pause, repeat } from './background.js';
import { keepAlive } from './keepalive.js';

export interface LeaseOptions {
  readonly catalog: Catalog;
  /** Of the work, in the whole installation. */
  readonly name: string;
  /** Unique per process. */
  readonly owner: string;
  readonly logger: Logger;
  /** A process that is silent for this long is replaced. Default 60 s. */
  readonly ttlMs?: number;
  /** Default 15 s. */
  readonly renewMs?: number;
}

export interface HeldLease extends LeaseRef {
  /** Fires before the lease can expire. */
  readonly lost: AbortSignal;
  /** Names the lease and its fence. */
  readonly logger: Logger;
}

interface Rest {
  /** A lease that ends later than this was left to rest by a longer interval than today's, and is free. */
  readonly atMostMs?: number;
  /** How long the work rests once it ends; 0, the default, lets the next process begin at once. */
  readonly restMs?: () => number;
}

const TTL_MS = 60_000;
const RENEW_MS = 15_000;

/**
 * Works while no other process does under the same name; undefined, without having worked, when another process does. Throws:
 * catalog.unavailable; what the work throws.
 */
export async function underLease<T>(
  { catalog, name, owner, ttlMs = TTL_MS, renewMs = RENEW_MS, logger: parent, atMostMs, restMs }: LeaseOptions & Rest,
  work: (lease: HeldLease) => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const askedAtMs = performance.now();
  const acquired = await catalog.transaction((tx) =>
    tx.leases.acquire(name, owner, ttlMs, atMostMs === undefined ? {} : { atMostMs }),
  );
  if (acquired === undefined) return undefined;
  const lease: LeaseRef = { name, fence: acquired.fence };
  const logger = parent.child({ lease: name, fence: lease.fence });
  const renew = (until: AbortSignal) => catalog.transaction((tx) => tx.leases.renew(lease, ttlMs), { until });
  const { lost, stop } = keepAlive({ ttlMs, renewMs, askedAtMs, renew, subject: `lease ${name}`, logger });
  try {
    return { result: await work({ ...lease, lost, logger }) };
  } finally {
    stop();
    if (!lost.aborted) await letRest(lease, restMs?.() ?? 0, { catalog, logger });
  }
}

/** A lease that cannot be released expires by itself. */
async function letRest(
  lease: LeaseRef,
  restMs: number,
  { catalog, logger }: Pick<LeaseOptions, 'catalog' | 'logger'>,
): Promise<void> {
  await catalog
    .transaction((tx) => (restMs === 0 ? tx.leases.release(lease) : tx.leases.renew(lease, restMs)))
    .catch((error: unknown) => logger.warn({ err: error }, 'lease not released'));
}

export interface LeaseHolderOptions extends LeaseOptions {
  /** Returns at once when `lost` fires, and when `stopping` does as soon as it is at rest. */
  readonly work: (lease: HeldLease, stopping: AbortSignal) => Promise<void>;
}

/** Work without an end that one process does at a time: the process that gets the lease works, the others wait for it. */
export const startLeaseHolder = ({ work, ...options }: LeaseHolderOptions): Background =>
  inBackground((stopping) => {
    const onFailure = (error: unknown) => options.logger.warn({ err: error, lease: options.name }, 'lease not held');
    const hold = () =>
      underLease(options, async (lease) => {
        lease.logger.info({}, 'lease acquired');
        await work(lease, stopping).catch((error: unknown) => tellFailure(lease, error));
      });
    return repeat(hold, { everyMs: options.renewMs ?? RENEW_MS, onFailure }, stopping);
  });

export interface DueWork extends LeaseOptions {
  /** From the end of one time to the beginning of the next, in whichever process. */
  readonly everyMs: number;
  /** Once. The signal fires before another process can begin, and when this process stops. */
  readonly work: (signal: AbortSignal) => Promise<void>;
}

export interface PeriodicWorkOptions extends DueWork {
  /** After the start of this process. */
  readonly firstAfterMs: number;
}

/** How often a process looks whether the work is due; no process notices sooner that another died while it worked. */
const POLL_MS = 30_000;

/**
 * Work that one of any number of processes does once in a while. The process keeps the lease while it works, and leaves it to rest until
 * the next time is due: neither a second process nor a restart makes it come sooner.
 */
export const startPeriodicWork = ({ firstAfterMs, ...work }: PeriodicWorkOptions): Background =>
  inBackground(async (stopping) => {
    await pause(firstAfterMs, stopping);
    const onFailure = () => undefined;
    await repeat(() => workIfDue(work, stopping), { everyMs: Math.min(work.everyMs, POLL_MS), onFailure }, stopping);
  });

/** Does periodic work now, if it is due and no other process does it. Logs what fails. */
export async function workIfDue({ work, everyMs, ...options }: DueWork, stopping: AbortSignal): Promise<void> {
  const rest = {
    // A second more: both ends of an interval are rounded.
    atMostMs: Math.max(everyMs, options.ttlMs ?? TTL_MS) + 1_000,
    // Another process goes on at once with what was cut short.
    restMs: () => (stopping.aborted ? 0 : everyMs),
  };
  try {
    await underLease({ ...options, ...rest }, (lease) =>
      work(AbortSignal.any([lease.lost, stopping])).catch((error: unknown) => {
        if (!stopping.aborted) tellFailure(lease, error);
      }),
    );
  } catch (error) {
    options.logger.warn({ err: error, lease: options.name }, 'lease not held');
  }
}

const tellFailure = ({ logger }: HeldLease, error: unknown): void =>
  logger.error({ err: error }, 'work under a lease failed');
