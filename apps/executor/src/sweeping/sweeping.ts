import { engines } from '#common/engines/engines.js';
import { sweepSpoolFolders } from '#common/operations/restore/sweep-spool-folders.js';
import { endOrphans } from '#common/process/orphans.js';
import { type Background, inBackground, repeat } from '#common/service/background/background.js';
import { workIfDue } from '#common/service/background/lease.js';
import { removeLeft } from '#common/service/drills/left-drills.js';
import type { Service } from '#common/service/open-service.js';
import { stateIn } from '#common/service/runs/run-state.js';

export type SweepingDeps = Pick<Service, 'catalog' | 'installation' | 'logger' | 'metrics' | 'owner'>;

type Sweep = (d: SweepingDeps, stopping: AbortSignal) => Promise<void>;

/**
 * What dead attempts leave outside the repository, which only an executor reaches: processes and spool folders on its own machine, at
 * once and then again and again; scratch places on targets, by one executor at a time for each.
 */
export const startSweeping = (d: SweepingDeps): Background =>
  inBackground((stopping) =>
    Promise.all(
      [sweepProcesses, sweepFolders, sweepTargets, sweepDrills].map((sweep) => keepSweeping(sweep, d, stopping)),
    ),
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
  for (const { kind, sweepMachine } of engines) {
    const left = (await sweepMachine?.()) ?? [];
    if (left.length > 0) logger.info({ kind, removed: left }, 'what dead processes left on this machine is removed');
    metrics.sweptLeftovers.inc({ kind: 'spool-folder' }, left.length);
  }
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

/** By one executor at a time: scratch places of drills whose attempts are over. */
async function sweepDrills(d: SweepingDeps, signal: AbortSignal): Promise<void> {
  const { catalog, installation, logger, metrics, owner } = d;
  const everyMs = installation.config.executor.sweepEveryMs;
  const work = async (until: AbortSignal) => {
    const removed = await removeLeft(d, AbortSignal.any([until, AbortSignal.timeout(TARGET_MS)]));
    if (removed > 0) logger.info({ removed }, 'scratch places removed that drills left');
    metrics.sweptLeftovers.inc({ kind: 'drill' }, removed);
  };
  await workIfDue({ name: 'sweep of drills', catalog, owner, everyMs, logger, work }, signal);
}

/** A server that does not answer keeps the others waiting no longer than this. */
const TARGET_MS = 5 * 60_000;

async function sweepTarget(target: string, d: SweepingDeps, signal: AbortSignal): Promise<void> {
  const { catalog, installation, logger, metrics } = d;
  const until = AbortSignal.any([signal, AbortSignal.timeout(TARGET_MS)]);
  for (const driver of installation.targetKind(target).restores) {
    const { ended, removed, failed } = await driver.sweep(installation.target(target), stateIn(catalog), until);
    if (ended.length > 0) logger.warn({ target, runIds: ended }, 'work ended of runs that are over');
    if (removed.length > 0) logger.info({ target, removed }, 'what dead restores had begun to fill is removed');
    for (const { what, error } of failed) logger.warn({ err: error, target }, `${what}, could not be swept`);
    metrics.sweptLeftovers.inc({ kind: 'session' }, ended.length);
    metrics.sweptLeftovers.inc({ kind: 'scratch' }, removed.length);
  }
}
