import type { EventDefinition } from './define-event.js';
import { ArchiveExpired } from './events/archive-expired.event.js';
import { ArchiveGapDetected } from './events/archive-gap-detected.event.js';
import { ArchiveLagging } from './events/archive-lagging.event.js';
import { ArchiveResumed } from './events/archive-resumed.event.js';
import { BackupAccepted } from './events/backup-accepted.event.js';
import { BackupCleared } from './events/backup-cleared.event.js';
import { BackupCompleted } from './events/backup-completed.event.js';
import { BackupDamaged } from './events/backup-damaged.event.js';
import { BackupExpired } from './events/backup-expired.event.js';
import { BackupFailed } from './events/backup-failed.event.js';
import { BackupProgressed } from './events/backup-progressed.event.js';
import { BackupRejected } from './events/backup-rejected.event.js';
import { BackupRequested } from './events/backup-requested.event.js';
import { BackupStarted } from './events/backup-started.event.js';
import { BackupSuspicious } from './events/backup-suspicious.event.js';
import { BusRequestsLost } from './events/bus-requests-lost.event.js';
import { BusTopicReplaced } from './events/bus-topic-replaced.event.js';
import { DrillCompleted } from './events/drill-completed.event.js';
import { DrillFailed } from './events/drill-failed.event.js';
import { DrillRejected } from './events/drill-rejected.event.js';
import { DrillRequested } from './events/drill-requested.event.js';
import { DrillStarted } from './events/drill-started.event.js';
import { PointCompleted } from './events/point-completed.event.js';
import { PointFailed } from './events/point-failed.event.js';
import { PointRejected } from './events/point-rejected.event.js';
import { PointRequested } from './events/point-requested.event.js';
import { PointStarted } from './events/point-started.event.js';
import { RecoveryEndangered } from './events/recovery-endangered.event.js';
import { RecoveryReassured } from './events/recovery-reassured.event.js';
import { ReindexCompleted } from './events/reindex-completed.event.js';
import { ReindexFailed } from './events/reindex-failed.event.js';
import { ReindexProgressed } from './events/reindex-progressed.event.js';
import { ReindexRejected } from './events/reindex-rejected.event.js';
import { ReindexRequested } from './events/reindex-requested.event.js';
import { ReindexStarted } from './events/reindex-started.event.js';
import { ReplayCompleted } from './events/replay-completed.event.js';
import { ReplayFailed } from './events/replay-failed.event.js';
import { ReplayRejected } from './events/replay-rejected.event.js';
import { ReplayRequested } from './events/replay-requested.event.js';
import { ReplayStarted } from './events/replay-started.event.js';
import { RestoreCompleted } from './events/restore-completed.event.js';
import { RestoreFailed } from './events/restore-failed.event.js';
import { RestoreProgressed } from './events/restore-progressed.event.js';
import { RestoreRejected } from './events/restore-rejected.event.js';
import { RestoreRequested } from './events/restore-requested.event.js';
import { RestoreStarted } from './events/restore-started.event.js';
import { RunCancelRequested } from './events/run-cancel-requested.event.js';
import { RunRejected } from './events/run-rejected.event.js';
import { VerificationCompleted } from './events/verification-completed.event.js';
import { VerificationFailed } from './events/verification-failed.event.js';
import { VerificationRejected } from './events/verification-rejected.event.js';
import { VerificationRequested } from './events/verification-requested.event.js';
import { VerificationStarted } from './events/verification-started.event.js';

/** Every event that Holdfast writes or reads: the generators, the dispatcher and the topic list start here. */
export const events = [
  ArchiveExpired,
  ArchiveGapDetected,
  ArchiveLagging,
  ArchiveResumed,
  BackupAccepted,
  BackupCleared,
  BackupCompleted,
  BackupDamaged,
  BackupExpired,
  BackupFailed,
  BackupProgressed,
  BackupRejected,
  BackupRequested,
  BackupStarted,
  BackupSuspicious,
  BusRequestsLost,
  BusTopicReplaced,
  ReindexCompleted,
  ReindexFailed,
  ReindexProgressed,
  ReindexRejected,
  ReindexRequested,
  ReindexStarted,
  DrillCompleted,
  DrillFailed,
  DrillRejected,
  DrillRequested,
  DrillStarted,
  PointCompleted,
  PointFailed,
  PointRejected,
  PointRequested,
  PointStarted,
  RecoveryEndangered,
  RecoveryReassured,
  ReplayCompleted,
  ReplayFailed,
  ReplayRejected,
  ReplayRequested,
  ReplayStarted,
  RestoreCompleted,
  RestoreFailed,
  RestoreProgressed,
  RestoreRejected,
  RestoreRequested,
  RestoreStarted,
  RunCancelRequested,
  RunRejected,
  VerificationCompleted,
  VerificationFailed,
  VerificationRejected,
  VerificationRequested,
  VerificationStarted,
] as const;

const byType = new Map<string, EventDefinition>(
  events.map((event) => [event.type, event as unknown as EventDefinition]),
);

export const findEvent = (type: string): EventDefinition | undefined => byType.get(type);
