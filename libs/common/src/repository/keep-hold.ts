import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import type { BackupRepository } from './backup-repository.js';
import { HOLD_LIVES_MS } from './expiry-marker.js';
import { type HeldBackup, type NewHold, placeHold, releaseHold, renewHold } from './holds.js';

/** Two renewals may fail without harm. */
const RENEWALS = 3;
const RELEASE_MS = 10_000;
/**
 * The storage may well be read although nothing can be written to it. And a mark whose grace is over deletes nothing by itself: who marked
 * the backup may have died long ago, and what was marked may be all that is left.
 */
const NO_HINDRANCE: readonly Code[] = [
  ...(['repository.denied', 'repository.full', 'repository.locked'] as const),
  ...(['backup.expiring', 'repository.format'] as const),
];

export interface WorkHold extends HeldBackup {
  /** Of this work alone. */
  readonly name: string;
  readonly reason: string;
  readonly by: string;
  readonly livesMs?: number;
  /** No hold can be placed: the work goes on, and nothing keeps retention from its backup. */
  readonly onUnheld?: ((error: AppError) => void) | undefined;
  /** Work that writes as well: where no hold can be placed it does not begin. */
  readonly mustHold?: boolean;
}

/**
 * Works with a backup while a renewed hold stands beside it. A renewal that fails ends nothing: what is read is checked by digest, and a
 * restore in a disaster must not die of storage that will not be written, nor of an old mark. Throws: repository.*, and backup.expiring
 * for work that must hold; what the work throws.
 */
export async function whileHeld<T>(
  repository: BackupRepository,
  { livesMs = HOLD_LIVES_MS, onUnheld, mustHold = false, ...rest }: WorkHold,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const hold: NewHold = { ...rest, livesMs };
  let kept: KeptHold;
  try {
    kept = await keepHold(repository, hold, signal);
  } catch (error) {
    if (mustHold || !(error instanceof AppError && NO_HINDRANCE.includes(error.code))) throw error;
    onUnheld?.(error);
    await letGo(repository, hold);
    return work();
  }
  try {
    return await work();
  } finally {
    await kept.release();
  }
}

export interface KeptHold {
  /** Renews it no more: it lapses when it has lived from the last renewal. Idempotent, never throws. */
  leave(): Promise<void>;
  /** Takes it away. Idempotent, never throws. */
  release(): Promise<void>;
}

/** Places a hold and renews it until it is left. Throws: backup.expiring; repository.*. */
export async function keepHold(repository: BackupRepository, hold: NewHold, signal: AbortSignal): Promise<KeptHold> {
  await placeHold(repository, hold, { signal });
  const ending = new AbortController();
  const renewing = keepRenewing(repository, hold, hold.livesMs ?? HOLD_LIVES_MS, ending.signal);
  const leave = (): Promise<void> => {
    ending.abort();
    return renewing;
  };
  return { leave, release: () => leave().then(() => letGo(repository, hold)) };
}

const letGo = (repository: BackupRepository, hold: NewHold): Promise<void> =>
  releaseHold(repository, hold, { signal: AbortSignal.timeout(RELEASE_MS) }).catch(() => undefined);

async function keepRenewing(
  repository: BackupRepository,
  hold: NewHold,
  livesMs: number,
  stop: AbortSignal,
): Promise<void> {
  const pauseMs = Math.floor(livesMs / (RENEWALS + 1));
  while (!stop.aborted) {
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return;
    const signal = AbortSignal.any([stop, AbortSignal.timeout(pauseMs)]);
    await renewHold(repository, hold, { signal }).catch(() => undefined);
  }
}
