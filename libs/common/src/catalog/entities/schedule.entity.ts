import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RunId } from '#common/domain/ids.js';
import { instant, nullable } from './columns.js';

/** What is true of one schedule of the configuration at run time. */
@Entity({ schema: 'holdfast', name: 'schedules' })
export class Schedule {
  @PrimaryColumn('text') readonly name!: string;
  /** The last slot that was acted on or passed over; at first the instant at which the schedule was first seen. */
  @Column(instant('done_until')) readonly doneUntil!: Date;
  @Column({ ...instant('paused_at'), ...nullable }) readonly pausedAt!: Date | null;
  @Column({ name: 'pause_reason', type: 'text', ...nullable }) readonly pauseReason!: string | null;
  /** The last slot that a request was made for. */
  @Column({ ...instant('last_slot_at'), ...nullable }) readonly lastSlotAt!: Date | null;
  @Column({ name: 'last_request_id', type: 'text', ...nullable }) readonly lastRequestId!: string | null;
  @Column({ name: 'last_run_id', type: 'uuid', ...nullable }) readonly lastRunId!: RunId | null;
  @Column({ ...instant('requested_at'), ...nullable }) readonly requestedAt!: Date | null;
  @Column({ ...instant('waiting_slot_at'), ...nullable }) readonly waitingSlotAt!: Date | null;
  @Column({ name: 'waiting_reason', type: 'text', ...nullable }) readonly waitingReason!: 'blackout' | 'overlap' | null;
  /** null, while a slot waits: until the run before has ended. */
  @Column({ ...instant('waiting_until'), ...nullable }) readonly waitingUntil!: Date | null;
}
