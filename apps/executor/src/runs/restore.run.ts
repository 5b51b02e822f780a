import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Restore } from '#common/catalog/entities/restore.entity.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { RestoreCompleted } from '#common/contracts/events/restore-completed.event.js';
import { RestoreProgressed } from '#common/contracts/events/restore-progressed.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { RestoreStarted } from '#common/contracts/events/restore-started.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import type { Manifest } from '#common/contracts/manifest.js';
import { type RecoveryGoal, readGoal } from '#common/contracts/recovery-target.js';
import { type BackupId, toRunId, toUuidV5 } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Remember, Remembered } from '#common/engines/findings.js';
import { mergeFound } from '#common/operations/restore/findings.js';
import { type RestoreOutcome, restoreBackup } from '#common/operations/restore/restore-backup.js';
import type { EventWriter } from '#common/service/event-writer.js';
import { loadManifest, loadToRestore } from '#common/service/load-manifest.js';
import { reportProgress } from '#common/service/runs/progress-reporter.js';
import { isOverIn } from '#common/service/runs/run-state.js';
import type { Logger } from '#common/telemetry/logger.js';
import { hasSafetyBackup, type SafetyBackupDeps, safetyBackup } from './safety-backup.js';

export interface RestoreRunDeps extends SafetyBackupDeps {
  readonly events: EventWriter;
  readonly logger: Logger;
}

type Request = DataOf<typeof RestoreRequested> & { readonly recovery: RecoveryGoal | undefined };

const UNHELD = 'the repository takes no hold: nothing keeps retention elsewhere from this backup';

/** Restores, then in one fenced transaction: run and restore settled, the event, and the request for verification if one was asked for. */
export const restoreRun =
  (d: RestoreRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const asked = RestoreRequested.read(run.request, run.requestVersion);
    const request = { ...asked, recovery: readGoal(asked.recovery) };
    const restore = await begin(run, request, d);
    const { signal } = run.claim;
    const repository = d.installation.primaryRepository(restore.dataset);
    const manifest = await loadManifest(d.installation, restore.dataset, restore.backupId, signal);
    const target = d.installation.target(restore.target);
    const isSafetyBackupTaken = await hasSafetyBackup(restore, d, signal);

    const progress = reportProgress(
      run,
      {
        definition: RestoreProgressed,
        data: (head, seen) => ({ ...head, ...seen, attempt: run.attempt, backupId: restore.backupId }),
      },
      d,
    );
    const outcome = await restoreBackup(
      {
        ...{ manifest, target, destination: restore.destination, strategy: request.strategy },
        ...{ identity: { runId: run.id, attempt: run.attempt }, goal: request.recovery, parts: request.parts },
      },
      {
        ...{ repository, engine: d.installation.engineOf(restore.dataset) },
        targetKind: d.installation.targetKind(restore.target),
        dataset: d.installation.dataset(restore.dataset),
        workDirectory: d.installation.config.executor.workDirectory,
        takeSafetyBackup: request.safetyBackup ? () => safetyBackup(run, restore, d) : undefined,
        isSafetyBackupTaken,
        onProgress: progress.report,
        isOver: isOverIn(d.catalog),
        assertHeld: () => d.catalog.transaction((tx) => tx.runs.assertLive(run.claim)),
        remember: rememberIn(run, d),
        onUnheld: (error) => d.logger.warn({ err: error, runId: run.id }, UNHELD),
      },
      signal,
    ).finally(progress.stop);
    await complete(run, restore, { request, manifest, outcome }, d);
  };

/** What the first attempt found to be the latest backup stays it for all later ones. */
async function begin(run: ClaimedRun, request: Request, d: RestoreRunDeps): Promise<Restore> {
  const known = await d.catalog.transaction((tx) => tx.restores.find(run.id));
  const find = () => loadToRestore(d.installation, request, run.claim.signal);
  const backupId = known?.backupId ?? ((await find()).backupId as BackupId);
  return d.catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    const restore = await tx.restores.begin({
      ...{ runId: run.id, dataset: request.dataset, backupId, target: request.target, strategy: request.strategy },
      destination: d.installation.destination(request.dataset, request.target, request.destination),
      profile: request.profile ?? null,
      safetyBackupId: null,
    });
    const { target, destination } = restore;
    const said = {
      ...{ backupId: restore.backupId, target, destination, strategy: request.strategy },
      ...(request.recovery && { recovery: request.recovery }),
      ...toParts(request),
    };
    const startedAt = (await tx.now()).toISOString();
    await d.events.add(tx, run, RestoreStarted, (head) => ({ ...head, ...said, attempt: run.attempt, startedAt }));
    return restore;
  });
}

/** What attempts found is kept with the restore: the last one tells it all. */
const rememberIn =
  (run: ClaimedRun, { catalog }: RestoreRunDeps): Remember =>
  (found) =>
    catalog.transaction(async (tx) => {
      await tx.runs.assertHeld(run.claim);
      const earlier = (await tx.restores.find(run.id))?.findings ?? {};
      const known = mergeFound(earlier as Partial<Remembered>, found);
      await tx.restores.setFindings(run.id, known as unknown as JsonObject);
      return known;
    });

interface Done {
  readonly request: Request;
  readonly manifest: Manifest;
  readonly outcome: RestoreOutcome;
}

async function complete(
  run: ClaimedRun,
  restore: Restore,
  { request, manifest, outcome }: Done,
  d: RestoreRunDeps,
): Promise<void> {
  const { backupId, target, destination, dataset, profile } = restore;
  const { kind, method } = manifest;
  const requestId = toUuidV5('verification of', run.id);
  const verificationRunId = profile === null ? null : toRunId(d.events.source, requestId);
  await d.catalog.transaction(async (tx) => {
    const { strategy } = request;
    const made = { backupId, kind, method, target, destination, strategy, ...toParts(request) };
    const result = { ...made, ...outcome, profile, verificationRunId };
    await tx.runs.settle(run.claim, { state: 'completed', result: result as unknown as JsonObject });
    await tx.restores.complete(run.id, result as unknown as JsonObject);
    const startedAt = (run.startedAt ?? run.createdAt).toISOString();
    const completedAt = (await tx.now()).toISOString();
    await d.events.add(tx, run, RestoreCompleted, (head) => ({
      ...{ ...head, ...result, attempt: run.attempt, startedAt, completedAt },
      findings: toLists(outcome.findings),
    }));
    if (profile === null) return;
    await d.events.write(
      tx,
      VerificationRequested,
      { dataset, backup: backupId, target, destination, profile, restoreRunId: run.id },
      { id: requestId, correlationid: run.correlationId ?? run.requestId, causationid: run.requestId },
    );
  });
}

const toParts = ({ parts }: Request) => parts && { parts };

const toLists = (findings: RestoreOutcome['findings']): Record<string, string[]> =>
  Object.fromEntries(Object.entries(findings).map(([name, list]) => [name, [...list]]));
