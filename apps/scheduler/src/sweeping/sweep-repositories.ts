import { AppError, toAppError } from '#common/errors/app-error.js';
import { sweepPoints } from '#common/operations/points/sweep-points.js';
import { sweepProbes } from '#common/operations/sweep-probes.js';
import { findRepositoryIdentity } from '#common/repository/initialise-repository.js';
import type { ApplyRetentionDeps } from '#common/service/retention/apply-retention.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { countOutcomes, toKeptBack } from './kept-back.js';
import { type SweptDataset, sweepDataset } from './sweep-dataset.js';

export interface SweepDeps extends ApplyRetentionDeps {
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Repositories with a call that does not end although its signal fired; kept from sweep to sweep. */
  readonly hung: Set<string>;
  /** For one dataset. Default a quarter of an hour. */
  readonly limitMs?: number;
}

/** Storage that hangs holds up only its own datasets, and those until it answers. */
const LIMIT_MS = 15 * 60_000;

/**
 * One sweep over every dataset: repositories beside each other, the datasets of one after another. What fails is said so and left to the
 * next sweep, and keeps nothing else from being looked after. Throws: the abort reason.
 */
export async function sweepRepositories(d: SweepDeps, signal: AbortSignal): Promise<void> {
  const { installation } = d;
  const datasets = Object.keys(installation.config.datasets);
  const byRepository = Map.groupBy(datasets, (dataset) => installation.primaryRepository(dataset).name);
  await Promise.all([...byRepository].map(([name, own]) => sweepRepository(name, own, d, signal)));
  signal.throwIfAborted();
}

async function sweepRepository(
  repository: string,
  datasets: readonly string[],
  d: SweepDeps,
  signal: AbortSignal,
): Promise<void> {
  const identity = await trying({ repository, subject: repository }, d, signal, (until) =>
    findRepositoryIdentity(d.installation.repository(repository), { signal: until }),
  );
  // Nothing was ever written there, or it cannot be read: then one line says so, not one for each dataset.
  if (identity === undefined) return;
  for (const dataset of datasets) {
    if (signal.aborted || d.hung.has(repository)) return;
    const swept = await trying({ repository, subject: dataset }, d, signal, (until) => sweepDataset(dataset, d, until));
    if (swept !== undefined) tell(swept, d);
  }
  const probes = await trying({ repository, subject: repository }, d, signal, (until) =>
    sweepProbes(d.installation.repository(repository), {}, until),
  );
  d.metrics?.sweptLeftovers.inc({ kind: 'probe' }, probes ?? 0);
  const points = await trying({ repository, subject: repository }, d, signal, (until) =>
    sweepPoints(d.installation.repository(repository), until),
  );
  d.metrics?.sweptLeftovers.inc({ kind: 'point' }, points ?? 0);
}

interface Subject {
  readonly repository: string;
  readonly subject: string;
}

/** Undefined when it failed. */
async function trying<T>(
  { repository, subject }: Subject,
  d: SweepDeps,
  signal: AbortSignal,
  work: (until: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await endingInTime(repository, d, signal, work);
  } catch (error) {
    if (signal.aborted) return undefined;
    const { code } = toAppError(error);
    d.logger.error({ err: error, subject }, 'not swept, and tried again with the next sweep');
    d.metrics?.sweepsFailed.inc({ subject, code });
    return undefined;
  }
}

/**
 * A call into a file system that is gone heeds no signal and never ends: it is left behind, and no sweep asks there again until it
 * has ended, for every one of them would keep a thread. Throws: repository.unavailable.
 */
async function endingInTime<T>(
  repository: string,
  { hung, limitMs = LIMIT_MS }: SweepDeps,
  signal: AbortSignal,
  work: (until: AbortSignal) => Promise<T>,
): Promise<T> {
  if (hung.has(repository)) throw toHung(repository);
  const overdue = AbortSignal.timeout(limitMs);
  const working = work(AbortSignal.any([signal, overdue]));
  const late = Promise.withResolvers<never>();
  const giveUp = (): void => {
    hung.add(repository);
    const forget = (): boolean => hung.delete(repository);
    working.then(forget, forget);
    late.reject(toHung(repository));
  };
  // What heeds its signal has ended by then, with a better reason.
  const timer = setTimeout(giveUp, 2 * limitMs);
  return Promise.race([working, late.promise]).finally(() => clearTimeout(timer));
}

const toHung = (repository: string): AppError =>
  new AppError('repository.unavailable', `a call to repository ${repository} has not ended`, { repository });

function tell(swept: SweptDataset, { logger, metrics }: SweepDeps): void {
  const { dataset, refusals, backups, left, unfinished, plan, content, wal } = swept;
  const attempts = swept.swept.length;
  metrics?.retentionExpired.inc({ dataset }, backups.filter(({ outcome }) => outcome === 'deleted').length);
  metrics?.retentionRefused.set({ dataset }, refusals.length === 0 ? 0 : 1);
  metrics?.retentionLeft.set({ dataset }, left);
  metrics?.sweptLeftovers.inc({ kind: 'attempt' }, attempts);
  metrics?.sweptLeftovers.inc({ kind: 'upload' }, unfinished);
  metrics?.sweptLeftovers.inc({ kind: 'content' }, content.removed);
  metrics?.sweptLeftovers.inc({ kind: 'wal' }, wal.removed);
  const [outcomes, keptBack] = [countOutcomes(swept), toKeptBack(swept)];
  const damaged = plan?.damaged ?? [];
  for (const { id: backupId, outcome, problem } of backups)
    if (outcome === 'failed')
      logger.error({ dataset, backupId, why: problem }, 'backup expired, and cannot be deleted');
  const said = {
    dataset,
    ...outcomes,
    left,
    isSpaceFreed: swept.isSpaceFreed,
    freedBytes: swept.freedBytes,
    attempts,
    uploads: unfinished,
    ...(content.removed > 0 ? { content: content.removed, contentBytes: content.removedBytes } : {}),
    ...(wal.removed > 0 ? { wal: wal.removed, walBytes: wal.removedBytes } : {}),
    keptBack,
  };
  const why = [...new Set(refusals.map(({ reason }) => reason))].join('; ');
  if (why !== '') logger.warn({ ...said, why }, 'retention refused: nothing expires');
  else if (backups.length + attempts + unfinished + content.removed + wal.removed + keptBack.length > 0)
    logger.info(said, 'dataset swept');
  if (content.state === 'blocked') logger.warn({ dataset, why: content.why }, 'no shared object is deleted');
  if (wal.state === 'blocked') logger.warn({ dataset, why: wal.why }, 'no archived WAL is deleted');
  for (const { backupId, damage } of swept.lost)
    logger.error({ dataset, backupId, damage }, 'backup damaged: an object is lost or short');
  for (const { id: backupId, problem } of damaged.filter(
    ({ id }) => !swept.lost.some(({ backupId }) => backupId === id),
  ))
    logger.warn({ dataset, backupId, why: problem }, 'backup kept, and counted by no rule: it is damaged');
}
