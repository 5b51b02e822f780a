import type { JsonObject } from '#common/domain/json.js';
import type { RunKind, RunState } from '#common/domain/run.js';
import type { Problem } from '#common/errors/app-error.js';

/** One run as the HTTP API shows it. Instants are ISO 8601 in UTC. */
export interface RunView {
  readonly id: string;
  readonly kind: RunKind;
  readonly dataset: string;
  readonly state: RunState;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly request: JsonObject;
  readonly progress: ProgressView | null;
  readonly result: JsonObject | null;
  readonly error: Problem | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** Runs that fit what was asked, and how the queue stands as a whole. */
export interface RunListView {
  readonly runs: readonly ListedRunView[];
  /** How many fit, shown or not. */
  readonly total: number;
  readonly queue: QueueView;
}

export interface ListedRunView extends RunView {
  /** null: it does not wait any more. `retryAt` null: as soon as there is a slot. */
  readonly place: { readonly position: number; readonly waitSeconds: number; readonly retryAt: string | null } | null;
}

export interface QueueView {
  readonly queued: number;
  readonly running: number;
  /** Of the queued ones, those that wait for their next attempt. */
  readonly retrying: number;
  readonly oldestQueuedSeconds: number;
}

export interface ProgressView {
  readonly stage: string;
  readonly bytes: number;
  /** null: unknown, and shown as unknown. */
  readonly totalBytes: number | null;
}

/** What became of a request: no service has seen it yet, it started a run, or it was refused. */
export interface RequestView {
  readonly requestId: string;
  readonly runId: string;
  readonly state: 'pending' | 'accepted' | 'rejected';
  readonly error: Problem | null;
}

export interface BackupView {
  readonly id: string;
  readonly dataset: string;
  readonly method: string;
  readonly purpose: 'regular' | 'safety';
  readonly repository: string;
  readonly snapshotAt: string;
  readonly completedAt: string;
  readonly sizeBytes: number;
  readonly databaseSizeBytes: number;
  readonly tables: number;
  readonly rows: number;
  readonly busPosition: 'proven' | 'unproven' | 'none';
}

/** One schedule of the configuration. */
export interface ScheduleView {
  readonly name: string;
  readonly dataset: string;
  readonly method: string;
  readonly cron: string;
  readonly zone: string;
  readonly next: readonly NextSlotView[];
  /** null: nobody knows, for only the configuration was asked. */
  readonly state: ScheduleStateView | null;
}

export interface NextSlotView {
  readonly slotAt: string;
  /** With jitter, and after a blackout; null: passed over for one. */
  readonly startsAt: string | null;
  /** The start, or the slot that has none, in the schedule’s zone: `2026-03-29 03:00:00 +02:00`. */
  readonly local: string;
  readonly isInBlackout: boolean;
}

export interface ScheduleStateView {
  readonly paused: { readonly since: string; readonly reason: string | null } | null;
  readonly lastSlotAt: string | null;
  /** `pending`: nobody has taken the request yet; `lost`: nobody has for an hour. */
  readonly lastRun: { readonly id: string; readonly state: RunState | 'pending' | 'rejected' | 'lost' } | null;
  /** A slot that starts later; `until` null: when the run before has ended. */
  readonly waiting: { readonly slotAt: string; readonly reason: string; readonly until: string | null } | null;
}
