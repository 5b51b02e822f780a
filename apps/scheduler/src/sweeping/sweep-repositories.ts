import { toAppError } from '#common/errors/app-error.js';
import { findRepositoryIdentity } from '#common/repository/initialise-repository.js';
import type { ApplyRetentionDeps } from '#common/service/apply-retention.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { countOutcomes, toKeptBack } from './kept-back.js';
import { type SweptDataset, sweepDataset } from './sweep-dataset.js';

export interface SweepDeps extends ApplyRetentionDeps {
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

/** A store that hangs holds nobody but its own datasets, and them until the next sweep. */
const DATASET_MS = 15 * 60_000;

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
  name: string,
  datasets: readonly string[],
  d: SweepDeps,
  signal: AbortSignal,
): Promise<void> {
  const identity = await trying(name, d, signal, (until) =>
    findRepositoryIdentity(d.installation.repository(name), { signal: until }),
  );
  // Nobody has ever written there, or it cannot be read: then one line says so, not one for each dataset.
  if (identity === undefined) return;
  for (const dataset of datasets) {
    if (signal.aborted) return;
    const swept = await trying(dataset, d, signal, (until) => sweepDataset(dataset, d, until));
    if (swept !== undefined) tell(swept, d);
  }
}

/** Undefined when it failed. */
async function trying<T>(
  subject: string,
  { logger, metrics }: SweepDeps,
  signal: AbortSignal,
  work: (until: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work(AbortSignal.any([signal, AbortSignal.timeout(DATASET_MS)]));
  } catch (error) {
    if (signal.aborted) return undefined;
    const { code } = toAppError(error);
    logger.error({ err: error, subject }, 'not swept, and tried again with the next sweep');
    metrics?.sweepsFailed.inc({ subject, code });
    return undefined;
  }
}

function tell(swept: SweptDataset, { logger, metrics }: SweepDeps): void {
  const { dataset, refusal, backups, left, unfinished, plan } = swept;
  const attempts = swept.swept.length;
  metrics?.retentionExpired.inc({ dataset }, backups.filter(({ outcome }) => outcome === 'deleted').length);
  metrics?.retentionRefused.set({ dataset }, refusal === null ? 0 : 1);
  metrics?.sweptLeftovers.inc({ kind: 'attempt' }, attempts);
  metrics?.sweptLeftovers.inc({ kind: 'upload' }, unfinished);
  const [outcomes, keptBack] = [countOutcomes(swept), toKeptBack(swept)];
  const unreadable = plan?.unreadable ?? [];
  for (const { id: backupId, outcome, problem } of backups)
    if (outcome === 'failed')
      logger.error({ dataset, backupId, why: problem }, 'backup expired, and cannot be deleted');
  const said = { dataset, ...outcomes, left, attempts, uploads: unfinished, keptBack };
  if (refusal !== null) logger.warn({ ...said, why: refusal }, 'retention refused: nothing of the dataset expires');
  else if (backups.length + attempts + unfinished + keptBack.length > 0) logger.info(said, 'dataset swept');
  for (const { id: backupId, problem } of unreadable)
    logger.warn({ dataset, backupId, why: problem }, 'backup kept, and counted by no rule: it cannot be read');
}
