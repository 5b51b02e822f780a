import { endRunsThatAreOver } from '#common/operations/end-restore.js';
import { sweepScratches } from '#common/operations/sweep-scratches.js';
import { sweepSpoolFolders } from '#common/operations/sweep-spool-folders.js';
import { endOrphans } from '#common/process/orphans.js';
import { type Background, inBackground, repeat } from '#common/service/background/background.js';
import { workIfDue } from '#common/service/background/lease.js';
import type { Service } from '#common/service/open-service.js';
import { isOverIn, stateIn } from '#common/service/run-state.js';

export type SweepingDeps = Pick<Service, 'catalog' | 'installation' | 'logger' | 'metrics' | 'owner'>;

type Sweep = (d: SweepingDeps, stopping: AbortSignal) => Promise<void>;

/**
 * What dead attempts leave outside the repository, which only an executor reaches: processes and spool folders on its own machine, at
 * once and then again and again; databases on targets, by one executor at a time for each.
 */
export const startSweeping = (d: SweepingDeps): Background =>
  inBackground((stopping) =>
    Promise.all([sweepProcesses, sweepFolders, sweepTargets].map((sweep) => keepSweeping(sweep, d, stopping))),
  );

function keepSweeping(sweep: Sweep, d: SweepingDeps, stopping: AbortSignal): Promise<void> {
  const everyMs = d.installation.config.executor.sweepEveryMs;
  const onFailure = (error: unknown) => d.logger.error({ err: error }, 'sweep failed, and is tried again');
  return repeat(() => sweep(d, stopping), { everyMs, onFailure }, stopping);
}

async function sweepProcesses({ logger, metrics }: SweepingDeps, signal: AbortSignal): Promise<void> {
  const ended = await endOrphans({ signal });
  if (ended.length === 0) return;
  logger.warn({ pids: ended.map(({ pid }) => pid) }, 'processes ended whose parent was killed');
  metrics.sweptLeftovers.inc({ kind: 'process' }, ended.length);
}

async function sweepFolders({ catalog, installation, logger, metrics }: SweepingDeps): Promise<void> {
  const { workDirectory } = installation.config.executor;
  const removed = await sweepSpoolFolders(workDirectory, { stateOf: stateIn(catalog) });
  if (removed.length > 0) logger.info({ removed }, 'spool folders removed that dead restores left');
  metrics.sweptLeftovers.inc({ kind: 'spool-folder' }, removed.length);
}

async function sweepTargets(d: SweepingDeps, signal: AbortSignal): Promise<void> {
  const { catalog, installation, logger, owner } = d;
  const everyMs = installation.config.executor.sweepEveryMs;
  for (const target of Object.keys(installation.config.targets)) {
    if (signal.aborted) return;
    const work = (until: AbortSignal) => sweepTarget(target, d, until);
    await workIfDue({ name: `sweep of target ${target}`, catalog, owner, everyMs, logger, work }, signal);
  }
}

/** A server that does not answer keeps the others waiting no longer than this. */
const TARGET_MS = 5 * 60_000;

async function sweepTarget(target: string, d: SweepingDeps, signal: AbortSignal): Promise<void> {
  const { catalog, installation, logger, metrics } = d;
  const until = AbortSignal.any([signal, AbortSignal.timeout(TARGET_MS)]);
  const options = { stateOf: stateIn(catalog) };
  const { ended, failed: alive } = await endRunsThatAreOver(installation.target(target), isOverIn(catalog), until);
  if (ended.length > 0) logger.warn({ target, runIds: ended }, 'sessions ended of runs that are over');
  for (const { runId, error } of alive)
    logger.warn({ err: error, target, runId }, 'sessions of a run that is over do not end');
  metrics.sweptLeftovers.inc({ kind: 'session' }, ended.length);
  const { dropped, failed } = await sweepScratches(installation.target(target), options, until);
  if (dropped.length > 0) logger.info({ target, dropped }, 'databases dropped that dead restores had begun to fill');
  for (const { name, error } of failed)
    logger.warn({ err: error, target, database: name }, 'a database that a dead restore left could not be dropped');
  metrics.sweptLeftovers.inc({ kind: 'scratch-database' }, dropped.length);
}
