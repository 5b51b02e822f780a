import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Drill } from '#common/catalog/entities/drill.entity.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { DrillCompleted } from '#common/contracts/events/drill-completed.event.js';
import { DrillRequested } from '#common/contracts/events/drill-requested.event.js';
import { DrillStarted } from '#common/contracts/events/drill-started.event.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { BackupId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { type DrillOutcome, runDrill } from '#common/operations/drill/run-drill.js';
import { chooseDrill, toDrillPlace, toDrillResult } from '#common/service/drills/choose-drill.js';
import { rememberOf, removeLeft } from '#common/service/drills/left-drills.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { keepProof } from '#common/service/keep-standing.js';
import { isOverIn } from '#common/service/runs/run-state.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';

export interface DrillRunDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
  readonly metrics: Pick<Metrics, 'verdicts'>;
  readonly logger: Logger;
}

type Request = DataOf<typeof DrillRequested>;

/**
 * Restores to a scratch place, proves it, removes it; then in one fenced transaction: run and drill settled, the proof of the backup, the
 * event. Each attempt begins anew in a place of its own, for only then its times are true; what earlier ones left goes first.
 */
export const drillRun =
  (d: DrillRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const request = DrillRequested.read(run.request, run.requestVersion);
    const { dataset: name, target: targetName } = request;
    const { installation, catalog, logger } = d;
    const { signal } = run.claim;
    await removeLeft({ ...d, runId: run.id }, signal);
    const first = await catalog.transaction((tx) => tx.drills.first(run.id));
    const chosen = await chooseDrill(installation, { ...request, runId: run.id, first }, signal);
    const { manifest, goal } = chosen;
    const drill = await begin(run, request, { manifest, goal }, d);
    const progress = (stage: string) => {
      const seen = { stage, bytes: 0, totalBytes: null };
      catalog.transaction((tx) => tx.runs.progress(run.claim, seen)).catch(() => undefined);
    };
    const repository = installation.primaryRepository(name);
    const outcome = await runDrill(
      {
        ...{ manifest, goal, newestAt: chosen.newestAt, destination: drill.destination },
        target: installation.target(targetName),
        profile: installation.profile(request.profile, name),
        identity: { runId: run.id, attempt: run.attempt },
      },
      {
        ...{ repository, engine: installation.engineOf(name), now: () => new Date() },
        signingKey: installation.signingKey,
        targetKind: installation.targetKind(targetName),
        dataset: installation.dataset(name),
        workDirectory: installation.config.executor.workDirectory,
        isOver: isOverIn(catalog),
        assertHeld: () => catalog.transaction((tx) => tx.runs.assertLive(run.claim)),
        remember: rememberOf(drill, catalog, (tx) => tx.runs.assertHeld(run.claim)),
        onProgress: ({ stage }) => progress(stage),
        onProbe: (probe, index) => progress(`probe ${index + 1}: ${probe}`),
        onUnheld: (error) => logger.warn({ err: error, runId: run.id }, 'the repository takes no hold'),
        onUnkept: (error) => logger.warn({ err: error, runId: run.id }, 'the repository takes no verdict'),
      },
      signal,
    );
    if (outcome.left !== null)
      logger.error(
        { err: outcome.left, runId: run.id, destination: drill.destination },
        'a scratch place is still there',
      );
    await complete(run, { request, drill, manifest, goal, outcome, repository: repository.name }, d);
    d.metrics.verdicts.inc({ dataset: name, verdict: outcome.verification.verdict });
  };

type Chosen = { readonly manifest: Manifest; readonly goal: RecoveryGoal | undefined };

function begin(run: ClaimedRun, request: Request, { manifest, goal }: Chosen, d: DrillRunDeps): Promise<Drill> {
  const { dataset, target, profile, drill: name = null } = request;
  const { id: runId, attempt } = run;
  const destination = toDrillPlace(d.installation, request, { runId, attempt });
  const { backupId, method } = manifest;
  const recovery = goal ?? null;
  return d.catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    const drill = await tx.drills.begin({
      ...{ runId, attempt, name, dataset, method, target, destination },
      ...{ backupId: backupId as BackupId, recovery: recovery as unknown as JsonObject | null },
    });
    const startedAt = drill.startedAt.toISOString();
    const said = { drill: name, backupId, target, destination, recovery, profile, attempt, startedAt };
    await d.events.add(tx, run, DrillStarted, (head) => ({ ...head, ...said }));
    return drill;
  });
}

interface Done extends Chosen {
  readonly request: Request;
  readonly drill: Drill;
  readonly outcome: DrillOutcome;
  readonly repository: string;
}

async function complete(
  run: ClaimedRun,
  { request, drill, manifest, goal, outcome, repository }: Done,
  { catalog, events, installation }: DrillRunDeps,
): Promise<void> {
  const { restore, verification, left } = outcome;
  const { verdict, outcomes, verdictKey, completedAt: provenAt } = verification;
  const { dataset, backupId, kind, attemptKey } = manifest;
  const { profile } = request;
  const said = {
    ...toDrillResult(installation, {
      drill: drill.name,
      manifest,
      goal,
      place: { target: drill.target, destination: drill.destination },
      outcome,
    }),
    ...{ kind, profile, recovered: restore.recovered, recovery: goal ?? null },
  };
  const result = { ...said, verdictKey, probes: outcomes } as unknown as JsonObject;
  await catalog.transaction(async (tx) => {
    await tx.runs.settle(run.claim, { state: 'completed', result });
    await tx.drills.complete(drill, verdict, result);
    if (left === null) await tx.drills.setRemoved(drill);
    await keepProof(
      tx,
      {
        ...{ dataset, backupId, repository, attemptKey, foundBy: 'verification' },
        judged: { runId: run.id, provenAt, verdict, probes: outcomes },
      },
      events,
    );
    const completedAt = (await tx.now()).toISOString();
    await events.add(tx, run, DrillCompleted, (head) => ({
      ...{ ...head, ...said, attempt: run.attempt, startedAt: drill.startedAt.toISOString(), completedAt },
      probes: outcomes.map(({ probe, verdict: found, summary }) => ({ probe, verdict: found, summary })),
    }));
  });
}
