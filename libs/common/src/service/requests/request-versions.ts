import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { DrillRequested } from '#common/contracts/events/drill-requested.event.js';
import { PointRequested } from '#common/contracts/events/point-requested.event.js';
import { ReindexRequested } from '#common/contracts/events/reindex-requested.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import type { RunKind } from '#common/domain/run.js';

/** The version of its request that each kind of run is read with, upcast from any older one. */
export const REQUEST_VERSIONS: Readonly<Record<RunKind, number>> = {
  backup: BackupRequested.version,
  restore: RestoreRequested.version,
  verification: VerificationRequested.version,
  replay: ReplayRequested.version,
  reindex: ReindexRequested.version,
  drill: DrillRequested.version,
  point: PointRequested.version,
};
