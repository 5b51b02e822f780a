import { AuditEntry } from './audit-entry.entity.js';
import { Backup, BackupCopy } from './backup.entity.js';
import { Drill } from './drill.entity.js';
import { InboxEntry } from './inbox-entry.entity.js';
import { Lease } from './lease.entity.js';
import { OutboxEntry } from './outbox-entry.entity.js';
import { PlanEvaluation } from './plan-evaluation.entity.js';
import { ProofEntry } from './proof.entity.js';
import { Replay } from './replay.entity.js';
import { Restore } from './restore.entity.js';
import { Run } from './run.entity.js';
import { Schedule } from './schedule.entity.js';
import { Suspicion } from './suspicion.entity.js';
import { Verification } from './verification.entity.js';

/** Every table of the catalog; a spec compares them, column by column, with what the migrations made. */
export const entities = [
  AuditEntry,
  Backup,
  BackupCopy,
  Drill,
  InboxEntry,
  Lease,
  OutboxEntry,
  PlanEvaluation,
  ProofEntry,
  Replay,
  Restore,
  Run,
  Schedule,
  Suspicion,
  Verification,
];
