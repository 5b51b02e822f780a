import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import { VerificationCompleted } from '#common/contracts/events/verification-completed.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import { VerificationStarted } from '#common/contracts/events/verification-started.event.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { VerificationResult } from '#common/operations/keep-verdict.js';
import { verifyRestore } from '#common/operations/verify-restore.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { keepProof, type ProofOf } from '#common/service/keep-standing.js';
import { loadManifest } from '#common/service/load-manifest.js';
import { toVerification } from '#common/service/requests/to-verification.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';

export interface VerificationRunDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Runs the probes; the verdict is kept beside the backup, then in the catalog with its event, fenced by the attempt. */
export const verificationRun =
  (d: VerificationRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const request = VerificationRequested.read(run.request, run.requestVersion);
    const { dataset, target, destination, profile } = request;
    const { signal } = run.claim;
    const known = await d.catalog.transaction((tx) => tx.verifications.find(run.id));
    const manifest = await loadManifest(d.installation, dataset, known?.backupId ?? request.backup, signal);
    await begin(run, request, { manifest, ...d });

    const logger = d.logger.child({ runId: run.id, dataset });
    const repository = d.installation.primaryRepository(dataset);
    const result = await verifyRestore(
      toVerification(d.installation, { runId: run.id, manifest, target, destination, profile }),
      {
        ...{ repository, engine: d.installation.engineOf(dataset), now: () => new Date() },
        signingKey: d.installation.signingKey,
        targetKind: d.installation.targetKind(target),
        onProbe: (probe, index) => {
          const progress = { stage: `probe ${index + 1}: ${probe}`, bytes: 0, totalBytes: null };
          d.catalog.transaction((tx) => tx.runs.progress(run.claim, progress)).catch(() => undefined);
        },
        onUnheld: (error) =>
          logger.warn({ err: error }, 'no hold could be placed: nothing keeps retention elsewhere from this backup'),
        onUnkept: (error) => logger.warn({ err: error }, 'the repository takes no verdict: only the catalog keeps it'),
      },
      signal,
    );
    await complete(run, request, { manifest, result, repository: repository.name, ...d });
    d.metrics.verdicts.inc({ dataset, verdict: result.verdict });
  };

type Request = ReturnType<typeof VerificationRequested.data.parse>;
type Begun = VerificationRunDeps & { readonly manifest: Manifest };

const toSaid = ({ target, destination, profile }: Request, { backupId }: Manifest) => ({
  backupId,
  target,
  destination,
  profile,
});

function begin(run: ClaimedRun, request: Request, { manifest, catalog, events }: Begun): Promise<unknown> {
  return catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    await tx.verifications.begin({
      ...{ ...toSaid(request, manifest), runId: run.id, dataset: request.dataset },
      backupId: manifest.backupId as BackupId,
      restoreRunId: (request.restoreRunId as RunId | undefined) ?? null,
    });
    const startedAt = (await tx.now()).toISOString();
    await events.add(tx, run, VerificationStarted, (head) => ({
      ...{ ...head, ...toSaid(request, manifest), attempt: run.attempt, startedAt },
    }));
  });
}

const toProofOf = (
  run: ClaimedRun,
  { manifest, result, repository }: Pick<Done, 'manifest' | 'result' | 'repository'>,
): ProofOf => ({
  ...{ dataset: manifest.dataset, backupId: manifest.backupId, repository, attemptKey: manifest.attemptKey },
  foundBy: 'verification',
  judged: { runId: run.id, provenAt: result.completedAt, verdict: result.verdict, probes: result.outcomes },
});

interface Done extends Begun {
  readonly result: VerificationResult;
  readonly repository: string;
}

async function complete(
  run: ClaimedRun,
  request: Request,
  { manifest, result, repository, catalog, events }: Done,
): Promise<void> {
  const { verdict, outcomes, verdictKey } = result;
  const document = { verdict, verdictKey, ...toSaid(request, manifest), probes: outcomes } as unknown as JsonObject;
  await catalog.transaction(async (tx) => {
    await tx.runs.settle(run.claim, { state: 'completed', result: document });
    await tx.verifications.complete(run.id, verdict, document);
    await keepProof(tx, toProofOf(run, { manifest, result, repository }), events);
    await events.add(tx, run, VerificationCompleted, (head) => ({
      ...{ ...head, ...toSaid(request, manifest), attempt: run.attempt, verdict },
      probes: outcomes.map((outcome) => ({ ...outcome, evidence: [...outcome.evidence] })),
      restoreRunId: request.restoreRunId ?? null,
      startedAt: result.startedAt.toISOString(),
      completedAt: result.completedAt.toISOString(),
    }));
  });
}
