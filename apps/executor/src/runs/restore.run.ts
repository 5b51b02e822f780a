import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Restore } from '#common/catalog/entities/restore.entity.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { RestoreCompleted } from '#common/contracts/events/restore-completed.event.js';
import { RestoreProgressed } from '#common/contracts/events/restore-progressed.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { RestoreStarted } from '#common/contracts/events/restore-started.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import { type BackupId, toRunId, toUuidV5 } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import { type RestoreOutcome, restoreBackup } from '#common/operations/restore-backup.js';
import { mergeFindings, type Remember, type RestoreFindings } from '#common/operations/restore-findings.js';
import type { Facts } from '#common/service/facts.js';
import { loadManifest } from '#common/service/load-manifest.js';
import { reportProgress } from '#common/service/progress-reporter.js';
import { isOverIn } from '#common/service/run-state.js';
import type { Logger } from '#common/telemetry/logger.js';
import { hasSafetyDump, type SafetyDumpDeps, safetyDump } from './safety-dump.js';

export interface RestoreRunDeps extends SafetyDumpDeps {
  readonly facts: Facts;
  readonly tools: PgTools;
  readonly logger: Logger;
}

type Request = DataOf<typeof RestoreRequested>;

const UNHELD = 'the repository takes no hold: nothing keeps retention elsewhere from this backup';

/** Restores, then in one fenced transaction: run and restore settled, the fact, and the request for verification if one was asked for. */
export const restoreRun =
  (d: RestoreRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const request = RestoreRequested.read(run.request, run.requestVersion);
    const restore = await begin(run, request, d);
    const { signal } = run.claim;
    const repository = d.installation.primaryRepository(restore.dataset);
    const manifest = await loadManifest(d.installation, restore.dataset, restore.backupId, signal);
    const target = d.installation.target(restore.target);
    const isSafetyDumpTaken = await hasSafetyDump(restore, d, signal);

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
        ...{ manifest, target, database: restore.database, strategy: request.strategy },
        identity: { runId: run.id, attempt: run.attempt },
      },
      {
        ...{ repository, tools: d.tools, workDirectory: d.installation.config.executor.workDirectory },
        takeSafetyDump: request.safetyDump ? () => safetyDump(run, restore, d) : undefined,
        isSafetyDumpTaken,
        onProgress: progress.report,
        isOver: isOverIn(d.catalog),
        assertHeld: () => d.catalog.transaction((tx) => tx.runs.assertLive(run.claim)),
        remember: rememberIn(run, d),
        onUnheld: (error) => d.logger.warn({ err: error, runId: run.id }, UNHELD),
      },
      signal,
    ).finally(progress.stop);
    await complete(run, restore, { request, outcome }, d);
  };

/** What the first attempt found to be the latest backup stays it for all later ones. */
async function begin(run: ClaimedRun, request: Request, d: RestoreRunDeps): Promise<Restore> {
  const known = await d.catalog.transaction((tx) => tx.restores.find(run.id));
  const find = () => loadManifest(d.installation, request.dataset, request.backup, run.claim.signal);
  const backupId = known?.backupId ?? ((await find()).backupId as BackupId);
  return d.catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    const restore = await tx.restores.begin({
      ...{ runId: run.id, dataset: request.dataset, backupId, target: request.target, strategy: request.strategy },
      database: d.installation.restoreDatabase(request.dataset, request.database),
      profile: request.profile ?? null,
      safetyBackupId: null,
    });
    const { target, database } = restore;
    const said = { backupId: restore.backupId, target, database, strategy: request.strategy };
    const startedAt = (await tx.now()).toISOString();
    await d.facts.add(tx, run, RestoreStarted, (head) => ({ ...head, ...said, attempt: run.attempt, startedAt }));
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
      const known = mergeFindings(earlier as Partial<RestoreFindings>, found);
      await tx.restores.setFindings(run.id, known as unknown as JsonObject);
      return known;
    });

interface Done {
  readonly request: Request;
  readonly outcome: RestoreOutcome;
}

async function complete(
  run: ClaimedRun,
  restore: Restore,
  { request, outcome }: Done,
  d: RestoreRunDeps,
): Promise<void> {
  const { backupId, target, database, dataset, profile } = restore;
  const requestId = toUuidV5('verification of', run.id);
  const verificationRunId = profile === null ? null : toRunId(d.facts.source, requestId);
  await d.catalog.transaction(async (tx) => {
    const result = { backupId, target, database, strategy: request.strategy, ...outcome, profile, verificationRunId };
    await tx.runs.settle(run.claim, { state: 'completed', result: result as unknown as JsonObject });
    await tx.restores.complete(run.id, result as unknown as JsonObject);
    const startedAt = (run.startedAt ?? run.createdAt).toISOString();
    const completedAt = (await tx.now()).toISOString();
    await d.facts.add(tx, run, RestoreCompleted, (head) => ({
      ...{ ...head, ...result, attempt: run.attempt, startedAt, completedAt },
      harmlessErrors: [...outcome.harmlessErrors],
      createdRoles: [...outcome.createdRoles],
      withheldRights: [...outcome.withheldRights],
      newerObjects: [...outcome.newerObjects],
      droppedObjects: [...outcome.droppedObjects],
      leftOut: [...outcome.leftOut],
    }));
    if (profile === null) return;
    await d.facts.write(
      tx,
      VerificationRequested,
      { dataset, backup: backupId, target, database, profile, restoreRunId: run.id },
      { id: requestId, correlationid: run.correlationId ?? run.requestId, causationid: run.requestId },
    );
  });
}
