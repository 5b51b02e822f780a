import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Verdict } from '#common/domain/verdict.js';
import { instant, nullable } from './columns.js';

/** One attempt at a drill and its scratch place; verdict and result come with the end of the run. */
@Entity({ schema: 'holdfast', name: 'drills' })
export class Drill {
  @PrimaryColumn({ name: 'run_id', type: 'uuid' }) readonly runId!: RunId;
  @PrimaryColumn('integer') readonly attempt!: number;
  /** Of the drill in the configuration that asked. */
  @Column({ type: 'text', ...nullable }) readonly name!: string | null;
  @Column('text') readonly dataset!: string;
  @Column({ name: 'backup_id', type: 'uuid' }) readonly backupId!: BackupId;
  @Column('text') readonly method!: string;
  @Column('text') readonly target!: string;
  @Column('text') readonly destination!: string;
  @Column({ type: 'jsonb', ...nullable }) readonly recovery!: JsonObject | null;
  /** Of the restore, written down before it changes anything. */
  @Column({ type: 'jsonb', ...nullable }) readonly findings!: JsonObject | null;
  @Column(instant('started_at')) readonly startedAt!: Date;
  @Column({ ...instant('removed_at'), ...nullable }) readonly removedAt!: Date | null;
  @Column({ ...instant('completed_at'), ...nullable }) readonly completedAt!: Date | null;
  @Column({ type: 'text', ...nullable }) readonly verdict!: Verdict | null;
  @Column({ type: 'jsonb', ...nullable }) readonly result!: JsonObject | null;
}
