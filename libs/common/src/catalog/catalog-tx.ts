import type { Sql } from './sql.js';
import { auditStore } from './stores/audit.store.js';
import { backupStore } from './stores/backup.store.js';
import { clockStore } from './stores/clock.store.js';
import { drillStore } from './stores/drill.store.js';
import { forgetStore } from './stores/forget.store.js';
import { inboxStore } from './stores/inbox.store.js';
import { leaseStore } from './stores/lease.store.js';
import { outboxStore } from './stores/outbox.store.js';
import { planEvaluationStore } from './stores/plan-evaluation.store.js';
import { proofStore } from './stores/proof.store.js';
import { replayStore } from './stores/replay.store.js';
import { restoreStore } from './stores/restore.store.js';
import { retentionStore } from './stores/retention.store.js';
import { runClaims } from './stores/runs/run-claim.store.js';
import { runEnds } from './stores/runs/run-end.store.js';
import { runList } from './stores/runs/run-list.store.js';
import { runQueue } from './stores/runs/run-queue.store.js';
import { scheduleStore } from './stores/schedule.store.js';
import { suspicionStore } from './stores/suspicion.store.js';
import { verificationStore } from './stores/verification.store.js';

/** The stores, bound to one open transaction. */
export type CatalogTx = ReturnType<typeof toCatalogTx>;

export const toCatalogTx = (sql: Sql) => ({
  runs: { ...runQueue(sql), ...runClaims(sql), ...runEnds(sql), ...runList(sql) },
  inbox: inboxStore(sql),
  outbox: outboxStore(sql),
  backups: backupStore(sql),
  restores: restoreStore(sql),
  retention: retentionStore(sql),
  verifications: verificationStore(sql),
  proofs: proofStore(sql),
  replays: replayStore(sql),
  drills: drillStore(sql),
  suspicions: suspicionStore(sql),
  planEvaluations: planEvaluationStore(sql),
  leases: leaseStore(sql),
  clock: clockStore(sql),
  schedules: scheduleStore(sql),
  audit: auditStore(sql),
  forget: forgetStore(sql),

  /** The database's clock: the only one that the catalog compares with. */
  now: async (): Promise<Date> => {
    const [row] = await sql.rows<{ at: Date }>('SELECT clock_timestamp() AS at');
    return row?.at ?? new Date(Number.NaN);
  },
});
