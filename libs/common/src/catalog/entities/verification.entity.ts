import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Verdict } from '#common/domain/verdict.js';
import { instant, nullable } from './columns.js';

/** A verification as its first attempt decided it; verdict and result come together. */
@Entity({ schema: 'holdfast', name: 'verifications' })
export class Verification {
  @PrimaryColumn({ name: 'run_id', type: 'uuid' }) readonly runId!: RunId;
  @Column('text') readonly dataset!: string;
  @Column({ name: 'backup_id', type: 'uuid' }) readonly backupId!: BackupId;
  @Column('text') readonly target!: string;
  @Column('text') readonly destination!: string;
  @Column('text') readonly profile!: string;
  @Column({ name: 'restore_run_id', type: 'uuid', ...nullable }) readonly restoreRunId!: RunId | null;
  @Column({ type: 'text', ...nullable }) readonly verdict!: Verdict | null;
  @Column(instant('started_at')) readonly startedAt!: Date;
  @Column({ ...instant('completed_at'), ...nullable }) readonly completedAt!: Date | null;
  @Column({ type: 'jsonb', ...nullable }) readonly result!: JsonObject | null;
}
