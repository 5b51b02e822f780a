import type { JsonObject } from '../domain/json.js';
import type { RunKind, RunState } from '../domain/run.js';
import type { Problem } from '../errors/app-error.js';

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
