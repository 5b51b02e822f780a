import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { busMetrics } from './bus-metrics.js';
import { queueMetrics } from './queue-metrics.js';

/** The metric objects of one process. Services set them; `/metrics` prints `registry`. Names are part of the operators' interface. */
export type Metrics = ReturnType<typeof createMetrics>;

const SECONDS_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200];

export function createMetrics({ service }: { readonly service: string }) {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    ...queueMetrics([registry]),
    ...runMetrics([registry]),
    ...busMetrics([registry]),
    ...backupMetrics([registry]),
    ...sweepMetrics([registry]),
    ...archiveMetrics([registry]),
    ...planMetrics([registry]),
  };
}

const runMetrics = (registers: Registry[]) => ({
  runsHeld: new Gauge({
    name: 'holdfast_runs_held',
    help: 'Runs that this process works on',
    labelNames: ['kind'] as const,
    registers,
  }),
  attemptsEnded: new Counter({
    name: 'holdfast_attempts_ended_total',
    help: 'Attempts of this process by how they ended: settled by their work, failed, cancelled, waiting, requeued, given-back, lost',
    labelNames: ['kind', 'end', 'code'] as const,
    registers,
  }),
  attemptSeconds: new Histogram({
    name: 'holdfast_attempt_seconds',
    help: 'Duration of attempts of this process',
    labelNames: ['kind', 'end'] as const,
    buckets: SECONDS_BUCKETS,
    registers,
  }),
  runsSettledUnheld: new Counter({
    name: 'holdfast_runs_settled_unheld_total',
    help: 'Runs that no worker held any more, settled by this process: cancelled, overdue, out of attempts',
    labelNames: ['kind', 'code'] as const,
    registers,
  }),
  claimsLost: new Counter({
    name: 'holdfast_claims_lost_total',
    help: 'Claims that this process could not keep',
    labelNames: ['kind'] as const,
    registers,
  }),
});

const archiveMetrics = (registers: Registry[]) => ({
  archiveLagSeconds: new Gauge({
    name: 'holdfast_archive_lag_seconds',
    help: 'Since everything that the source had was archived, as the executor knows that archives it',
    labelNames: ['dataset', 'archiver'] as const,
    registers,
  }),
  archiveLagBytes: new Gauge({
    name: 'holdfast_archive_lag_bytes',
    help: 'What the source has and the repository does not',
    labelNames: ['dataset', 'archiver'] as const,
    registers,
  }),
  archiveObjects: new Gauge({
    name: 'holdfast_archive_objects',
    help: 'What an archiver that compares objects counted at its last look: objects of the source; copied, removed, waiting for their removal, refused, foreign; missing, different, extra',
    labelNames: ['dataset', 'archiver', 'state'] as const,
    registers,
  }),
  recoverableFrom: new Gauge({
    name: 'holdfast_recoverable_from_timestamp_seconds',
    help: 'From then on every moment can be recovered, up to holdfast_recoverable_until_timestamp_seconds, as the executor knows that archives the dataset',
    labelNames: ['dataset'] as const,
    registers,
  }),
  recoverableUntil: new Gauge({
    name: 'holdfast_recoverable_until_timestamp_seconds',
    help: 'Up to then every moment can be recovered',
    labelNames: ['dataset'] as const,
    registers,
  }),
  recoverableHoles: new Gauge({
    name: 'holdfast_recoverable_holes',
    help: 'Spans of time between the oldest base backup and now that no recovery reaches; `holdfast archive show` names them',
    labelNames: ['dataset'] as const,
    registers,
  }),
  archiveGaps: new Counter({
    name: 'holdfast_archive_gaps_total',
    help: 'Gaps that this process has found: no recovery leads across one',
    labelNames: ['dataset', 'archiver'] as const,
    registers,
  }),
});

const backupMetrics = (registers: Registry[]) => ({
  backupAgeSeconds: new Gauge({
    name: 'holdfast_backup_age_seconds',
    help: 'Age of the last good backup by each method',
    labelNames: ['dataset', 'method'] as const,
    registers,
  }),
  backupSizeBytes: new Gauge({
    name: 'holdfast_backup_size_bytes',
    help: 'Stored bytes of the last good backup by each method',
    labelNames: ['dataset', 'method'] as const,
    registers,
  }),
  backupsDamaged: new Gauge({
    name: 'holdfast_backups_damaged',
    help: 'Backups that have lost an object, or whose objects failed a proof',
    labelNames: ['dataset'] as const,
    registers,
  }),
  backupsSuspicious: new Gauge({
    name: 'holdfast_backups_suspicious',
    help: 'Backups that are unlike those before them, and at which no operator has looked: nothing of their dataset expires meanwhile',
    labelNames: ['dataset'] as const,
    registers,
  }),
  backupVerifiedTimestampSeconds: new Gauge({
    name: 'holdfast_backup_verified_timestamp_seconds',
    help: 'When a verification of a restored backup last passed whose objects have failed no proof since',
    labelNames: ['dataset', 'method'] as const,
    registers,
  }),
  verdicts: new Counter({
    name: 'holdfast_verdicts_total',
    help: 'Verdicts of verifications by this process',
    labelNames: ['dataset', 'verdict'] as const,
    registers,
  }),
});

const planMetrics = (registers: Registry[]) => ({
  planWouldSucceed: new Gauge({
    name: 'holdfast_plan_would_succeed',
    help: '0 while a recovery plan would fail if it were needed now; `holdfast recovery check` says why',
    labelNames: ['plan'] as const,
    registers,
  }),
  planEvaluatedTimestampSeconds: new Gauge({
    name: 'holdfast_plan_evaluated_timestamp_seconds',
    help: 'When a scheduler last asked whether the plan would succeed',
    labelNames: ['plan'] as const,
    registers,
  }),
  planRtoSeconds: new Gauge({
    name: 'holdfast_plan_rto_seconds',
    help: 'How long a recovery by the plan would take, of the steps that were measured',
    labelNames: ['plan'] as const,
    registers,
  }),
  planRpoSeconds: new Gauge({
    name: 'holdfast_plan_rpo_seconds',
    help: 'How old the oldest of what the plan would bring back is',
    labelNames: ['plan'] as const,
    registers,
  }),
  planEventsToReplay: new Gauge({
    name: 'holdfast_plan_events_to_replay',
    help: 'Events that the plan would replay, an upper bound',
    labelNames: ['plan'] as const,
    registers,
  }),
});

const sweepMetrics = (registers: Registry[]) => ({
  sweepTimestampSeconds: new Gauge({
    name: 'holdfast_sweep_timestamp_seconds',
    help: 'When this process last ended a sweep over all datasets',
    registers,
  }),
  sweepsFailed: new Counter({
    name: 'holdfast_sweeps_failed_total',
    help: 'What a sweep could not look after, and left to the next one',
    labelNames: ['subject', 'code'] as const,
    registers,
  }),
  retentionExpired: new Counter({
    name: 'holdfast_retention_expired_total',
    help: 'Backups that retention deleted',
    labelNames: ['dataset'] as const,
    registers,
  }),
  retentionRefused: new Gauge({
    name: 'holdfast_retention_refused',
    help: '1 while nothing of a dataset expires because its backups fail, or one is suspicious',
    labelNames: ['dataset'] as const,
    registers,
  }),
  retentionLeft: new Gauge({
    name: 'holdfast_retention_left',
    help: 'Expired backups of a dataset that the last sweep left to the next ones, because of its cap',
    labelNames: ['dataset'] as const,
    registers,
  }),
  sweptLeftovers: new Counter({
    name: 'holdfast_swept_total',
    help: 'What dead attempts left and what no backup needs any more, by kind: attempt, upload, content, wal, probe, point, session, scratch-database, spool-folder, process',
    labelNames: ['kind'] as const,
    registers,
  }),
  forgotten: new Counter({
    name: 'holdfast_forgotten_rows_total',
    help: 'Old rows that were deleted from the catalog',
    labelNames: ['table'] as const,
    registers,
  }),
});
