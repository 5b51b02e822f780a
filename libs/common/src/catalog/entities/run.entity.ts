import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { RunKind, RunState } from '#common/domain/run.js';
import type { Problem } from '#common/errors/app-error.js';
import { instant, int8, nullable } from './columns.js';

/** One piece of asked work. All instants are the database's. */
@Entity({ schema: 'holdfast', name: 'runs' })
export class Run {
  @PrimaryColumn('uuid') readonly id!: RunId;
  /** Order of arrival; pages are cut by it. */
  @Column(int8('number')) readonly number!: number;
  @Column('text') readonly kind!: RunKind;
  @Column('text') readonly state!: RunState;
  @Column('text') readonly dataset!: string;
  /** What only one running run may write to. */
  @Column('text') readonly resource!: string;
  @Column({ name: 'source_host', type: 'text', ...nullable }) readonly sourceHost!: string | null;
  /** The data of the request event. */
  @Column('jsonb') readonly request!: JsonObject;
  /** Of the schema that it was written in. */
  @Column({ name: 'request_version', type: 'integer' }) readonly requestVersion!: number;
  /** `source` of the request event. */
  @Column({ name: 'requested_by', type: 'text' }) readonly requestedBy!: string;
  @Column({ name: 'request_id', type: 'text' }) readonly requestId!: string;
  @Column({ name: 'correlation_id', type: 'text', ...nullable }) readonly correlationId!: string | null;
  @Column({ type: 'text', ...nullable }) readonly traceparent!: string | null;
  @Column('integer') readonly priority!: number;
  /** The fence: grows with every claim, 0 before the first. */
  @Column('integer') readonly attempt!: number;
  /** Attempts that a shutdown cut short, or that found the source or store away. */
  @Column({ name: 'attempts_forgiven', type: 'integer' }) readonly attemptsForgiven!: number;
  @Column({ name: 'max_attempts', type: 'integer' }) readonly maxAttempts!: number;
  /** Of the claim; once settled, of the last one. */
  @Column({ type: 'text', ...nullable }) readonly owner!: string | null;
  @Column({ ...instant('claim_expires_at'), ...nullable }) readonly claimExpiresAt!: Date | null;
  @Column(instant('run_after')) readonly runAfter!: Date;
  /** Since when attempts have found the same thing away or locked; null: they have not. */
  @Column({ ...instant('waiting_since'), ...nullable }) readonly waitingSince!: Date | null;
  /** When `claimExpiresAt` and `runAfter` were written. */
  @Column(instant('timed_at')) readonly timedAt!: Date;
  @Column({ ...instant('deadline_at'), ...nullable }) readonly deadlineAt!: Date | null;
  @Column({ ...instant('cancel_requested_at'), ...nullable }) readonly cancelRequestedAt!: Date | null;
  @Column({ name: 'cancel_reason', type: 'text', ...nullable }) readonly cancelReason!: string | null;
  @Column({ name: 'event_sequence', type: 'integer' }) readonly eventSequence!: number;
  @Column({ type: 'jsonb', ...nullable }) readonly progress!: JsonObject | null;
  @Column({ type: 'jsonb', ...nullable }) readonly result!: JsonObject | null;
  /** Of the last attempt while the run is open, of the whole run once it has failed. */
  @Column({ type: 'jsonb', ...nullable }) readonly problem!: Problem | null;
  @Column(instant('created_at')) readonly createdAt!: Date;
  @Column({ ...instant('started_at'), ...nullable }) readonly startedAt!: Date | null;
  @Column({ ...instant('settled_at'), ...nullable }) readonly settledAt!: Date | null;
}
