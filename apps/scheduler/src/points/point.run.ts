import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { PointCompleted } from '#common/contracts/events/point-completed.event.js';
import { PointRequested } from '#common/contracts/events/point-requested.event.js';
import { PointStarted } from '#common/contracts/events/point-started.event.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { PointDocument } from '#common/contracts/point-document.js';
import { type RunId, toRunId, toUuidV5 } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError, type Problem } from '#common/errors/app-error.js';
import { storePoint } from '#common/operations/points/stored-points.js';
import { isSnapshotTaken, type PlannedMember, takeMembers } from '#common/operations/points/take-members.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { loadManifest } from '#common/service/load-manifest.js';
import { measureTaken, membersOf, repositoriesOf } from '#common/service/points/point-members.js';

export interface PointRunDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
  readonly holdfastVersion: string;
}

/** Between two looks at a member's backup. */
const LOOK_EVERY_MS = 500;

/**
 * Asks for a backup of every member, which executors take like any other, and waits for them; then documents → run and event, in one
 * transaction fenced by the attempt. The ids of its requests derive from the run: a later attempt finds the backups of an earlier one.
 */
export const pointRun =
  (d: PointRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const { point } = PointRequested.read(run.request, run.requestVersion);
    const { installation } = d;
    const { signal } = run.claim;
    const members = membersOf(installation, point);
    const startedAt = await begin(run, { point, members }, d);
    const taken = await takeMembers(members, (member, onSnapshot) => takeMember(run, member, onSnapshot, d));
    const measured = measureTaken(installation, point, taken);
    const completedAt = (await d.catalog.transaction((tx) => tx.now())).toISOString();
    const document: PointDocument = {
      ...{ formatVersion: 1, pointId: run.id, ...measured, startedAt, completedAt },
      holdfastVersion: d.holdfastVersion,
    };
    await storePoint(document, repositoriesOf(installation, point), signal);
    await complete(run, document, d);
  };

interface Begun {
  readonly point: string;
  readonly members: readonly PlannedMember[];
}

/** When the first attempt began: documents of all attempts say the same. */
function begin(run: ClaimedRun, { point, members }: Begun, { catalog, events }: PointRunDeps): Promise<string> {
  return catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    const startedAt = (run.startedAt ?? (await tx.now())).toISOString();
    await events.add(tx, run, PointStarted, ({ dataset: _, ...head }) => ({
      ...{ ...head, point, attempt: run.attempt, startedAt },
      members: members.map(({ dataset }) => dataset),
    }));
    return startedAt;
  });
}

/** Throws: point.member-failed; the abort reason. */
async function takeMember(
  run: ClaimedRun,
  { dataset, method }: PlannedMember,
  onSnapshot: () => void,
  d: PointRunDeps,
): Promise<Manifest> {
  const { catalog, events, installation } = d;
  const { signal } = run.claim;
  const requestId = toUuidV5('point', run.id, dataset);
  await request(run, { dataset, method, requestId }, d);
  const backupRunId = toRunId(events.source, requestId);
  for (;;) {
    const backup = await catalog.transaction(async (tx) => {
      const found = await tx.runs.find(backupRunId);
      if (found === undefined) await assertNotRejected(dataset, requestId, { tx, source: events.source });
      return found;
    });
    if (isSnapshotTaken(stageOf(backup))) onSnapshot();
    if (backup?.state === 'completed') {
      const { backupId } = (backup.result ?? {}) as { readonly backupId?: string };
      return loadManifest(installation, dataset, backupId ?? '', signal);
    }
    if (backup?.state === 'failed' || backup?.state === 'cancelled') throw toFailed(dataset, backup);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** By an executor whose configuration is another one. Throws: point.member-failed. */
async function assertNotRejected(
  dataset: string,
  requestId: string,
  { tx, source: actor }: { readonly tx: CatalogTx; readonly source: string },
): Promise<void> {
  const [entry] = await tx.audit.list({ subject: requestId, actor, limit: 1 });
  if (entry?.outcome !== 'rejected') return;
  const { error } = entry.detail as { readonly error?: Problem };
  throw new AppError(
    'point.member-failed',
    `the backup of ${dataset} was rejected: ${error?.message ?? 'no reason was kept'}`,
  );
}

const stageOf = (backup: Run | undefined): string => {
  const stage = backup?.progress?.['stage'];
  return typeof stage === 'string' ? stage : 'connect';
};

interface MemberRequest {
  readonly dataset: string;
  readonly method: string;
  readonly requestId: string;
}

/** Once: an earlier attempt may have written it. */
function request(
  run: ClaimedRun,
  { dataset, method, requestId: id }: MemberRequest,
  d: PointRunDeps,
): Promise<unknown> {
  const { catalog, events } = d;
  return catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    if ((await tx.outbox.findOwn({ id, type: BackupRequested.type, source: events.source })) !== undefined) return;
    const deadlineAt = run.deadlineAt?.toISOString();
    const causes = { correlationid: run.correlationId ?? run.requestId, causationid: run.requestId };
    await events.write(tx, BackupRequested, { dataset, method, ...(deadlineAt && { deadlineAt }) }, { id, ...causes });
  });
}

function toFailed(dataset: string, { id, problem, state }: Run): AppError {
  const { message = 'no reason was kept' } = (problem ?? {}) as { readonly message?: string };
  const hint = `Read \`holdfast runs show ${id}\`, mend it, and take the point again; backups of other members stay.`;
  const context = { dataset, runId: id satisfies RunId };
  return new AppError('point.member-failed', `the backup of ${dataset} ${state}: ${message}`, context, { hint });
}

function complete(run: ClaimedRun, document: PointDocument, { catalog, events }: PointRunDeps): Promise<unknown> {
  const { formatVersion: _, holdfastVersion: __, ...said } = document;
  const agrees = said.problems.length === 0;
  return catalog.transaction(async (tx) => {
    await tx.runs.settle(run.claim, { state: 'completed', result: { ...said, agrees } as unknown as JsonObject });
    await events.add(tx, run, PointCompleted, ({ dataset: ___, ...head }) => ({
      ...{ ...head, ...said, agrees, attempt: run.attempt },
    }));
  });
}
