import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { instant, nullable } from './columns.js';

/** A restore as its first attempt decided it; `result` comes with its end. */
@Entity({ schema: 'holdfast', name: 'restores' })
export class Restore {
  @PrimaryColumn({ name: 'run_id', type: 'uuid' }) readonly runId!: RunId;
  @Column('text') readonly dataset!: string;
  @Column({ name: 'backup_id', type: 'uuid' }) readonly backupId!: BackupId;
  @Column('text') readonly target!: string;
  @Column('text') readonly destination!: string;
  @Column('text') readonly strategy!: string;
  @Column({ type: 'text', ...nullable }) readonly profile!: string | null;
  @Column({ name: 'safety_backup_id', type: 'uuid', ...nullable }) readonly safetyBackupId!: BackupId | null;
  @Column(instant('started_at')) readonly startedAt!: Date;
  @Column({ ...instant('completed_at'), ...nullable }) readonly completedAt!: Date | null;
  @Column({ type: 'jsonb', ...nullable }) readonly result!: JsonObject | null;
  /** Of all attempts so far, written down before they change anything. */
  @Column({ type: 'jsonb', ...nullable }) readonly findings!: JsonObject | null;
}
