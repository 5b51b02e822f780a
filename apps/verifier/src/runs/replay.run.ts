import type { BusClient } from '#common/bus/kafka-client.js';
import { openReplayBus } from '#common/bus/replay/replay-bus.js';
import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { ReplayCompleted } from '#common/contracts/events/replay-completed.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { ReplayStarted } from '#common/contracts/events/replay-started.event.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError } from '#common/errors/app-error.js';
import { assertNotRefused } from '#common/errors/refusals.js';
import type { ReplayPlan } from '#common/operations/replay/plan.js';
import { planReplay } from '#common/operations/replay/plan-replay.js';
import type { ReplayDeps } from '#common/operations/replay/request.js';
import type { ReplayResult } from '#common/operations/replay/result.js';
import { runReplay } from '#common/operations/replay/run-replay.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { loadPosition } from '#common/service/load-position.js';
import { toReplayAsk } from '#common/service/requests/to-replay-ask.js';

export interface ReplayRunDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
  readonly kafka: BusClient;
}

type Request = DataOf<typeof ReplayRequested>;

/** Freezes the range at the first attempt, replays it, and settles with every offset accounted for. */
export const replayRun =
  (d: ReplayRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const request = ReplayRequested.read(run.request, run.requestVersion);
    const bus = await openReplayBus(d.kafka);
    try {
      const deps: ReplayDeps = {
        bus,
        rules: d.installation.topicRules(request.dataset),
        now: () => new Date(),
        onProgress: ({ handledOffsets, totalOffsets }) => {
          const progress = {
            stage: 'replay',
            offsets: String(handledOffsets),
            totalOffsets: String(totalOffsets),
            bytes: 0,
            totalBytes: null,
          };
          d.catalog.transaction((tx) => tx.runs.progress(run.claim, progress)).catch(() => undefined);
        },
        assertHeld: () => d.catalog.transaction((tx) => tx.runs.assertHeld(run.claim), { until: run.claim.signal }),
      };
      const plan = await freezePlan(run, request, deps, d);
      await complete(run, request, await runReplay(plan, deps, run.claim.signal), d);
    } finally {
      await bus.close();
    }
  };

/** A later attempt goes on in the range that the first one froze, whatever was written since. */
async function freezePlan(run: ClaimedRun, request: Request, deps: ReplayDeps, d: ReplayRunDeps): Promise<ReplayPlan> {
  const { signal } = run.claim;
  const known = await d.catalog.transaction((tx) => tx.replays.find(run.id));
  const position = known === undefined ? await findPosition(request, d, signal) : undefined;
  const plan =
    known === undefined
      ? await planReplay(toReplayAsk(request, { replayId: run.id, position, rules: deps.rules }), deps, signal)
      : (known.plan as unknown as ReplayPlan);
  assertNotRefused(plan.refusals);
  await d.catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    const { dataset, mode } = request;
    await tx.replays.begin({ runId: run.id, dataset, mode, plan: plan as unknown as JsonObject });
    const startedAt = (await tx.now()).toISOString();
    await d.events.add(tx, run, ReplayStarted, (head) => ({ ...head, attempt: run.attempt, mode, startedAt }));
  });
  return plan;
}

/** Of the backup, or of the backup that a restore brought back. */
async function findPosition(
  { dataset, backup, restoreRunId }: Request,
  { catalog, installation }: ReplayRunDeps,
  signal: AbortSignal,
): Promise<BusPosition | null | undefined> {
  const ofBackup = (id: string) => loadPosition({ dataset, id }, { catalog, installation }, signal);
  if (backup !== undefined) return ofBackup(backup);
  if (restoreRunId === undefined) return undefined;
  const restore = await catalog.transaction((tx) => tx.restores.find(restoreRunId as RunId));
  if (restore === undefined)
    throw new AppError('run.missing', `run ${restoreRunId} is no restore that the catalog knows`);
  return ofBackup(restore.backupId);
}

async function complete(run: ClaimedRun, request: Request, outcome: ReplayResult, d: ReplayRunDeps): Promise<void> {
  const { partitions, isComplete } = outcome;
  const result = { mode: request.mode, partitions, isComplete };
  await d.catalog.transaction(async (tx) => {
    await tx.runs.settle(run.claim, { state: 'completed', result: result as unknown as JsonObject });
    await tx.replays.complete(run.id, isComplete, result as unknown as JsonObject);
    const startedAt = (run.startedAt ?? run.createdAt).toISOString();
    const completedAt = (await tx.now()).toISOString();
    await d.events.add(tx, run, ReplayCompleted, (head) => ({
      ...{ ...head, attempt: run.attempt, mode: request.mode, isComplete, startedAt, completedAt },
      partitions: [...partitions],
    }));
  });
}
