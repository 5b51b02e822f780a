import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BusPositionState, Manifest } from '#common/contracts/manifest.js';
import type { BackupId, RunId } from '#common/domain/ids.js';
import type { Damage } from '#common/domain/proof.js';
import { instant, int8, nullable } from './columns.js';

/** One backup: reserved before its first byte, completed with its manifest. */
@Entity({ schema: 'holdfast', name: 'backups' })
export class Backup {
  @PrimaryColumn('uuid') readonly id!: BackupId;
  @Column('text') readonly dataset!: string;
  /** Null until there is a manifest. */
  @Column({ type: 'text', ...nullable }) readonly kind!: Manifest['kind'] | null;
  @Column('text') readonly method!: Manifest['method'];
  @Column('text') readonly purpose!: Manifest['purpose'];
  @Column({ name: 'run_id', type: 'uuid' }) readonly runId!: RunId;
  @Column('text') readonly state!: 'reserved' | 'completed' | 'expired';
  @Column({ type: 'integer', ...nullable }) readonly attempt!: number | null;
  /** The one attempt that counts: the sweeper never touches it. */
  @Column({ name: 'attempt_key', type: 'text', ...nullable }) readonly attemptKey!: string | null;
  @Column({ ...int8('size_bytes'), ...nullable }) readonly sizeBytes!: number | null;
  @Column({ ...int8('source_size_bytes'), ...nullable }) readonly sourceSizeBytes!: number | null;
  @Column({ ...instant('started_at'), ...nullable }) readonly startedAt!: Date | null;
  @Column({ ...instant('snapshot_at'), ...nullable }) readonly snapshotAt!: Date | null;
  @Column({ ...instant('completed_at'), ...nullable }) readonly completedAt!: Date | null;
  @Column({ type: 'jsonb', ...nullable }) readonly counts!: Manifest['counts'] | null;
  @Column({ name: 'bus_position', type: 'text', ...nullable }) readonly busPosition!: BusPositionState | null;
  @Column({ type: 'jsonb', ...nullable }) readonly manifest!: Manifest | null;
  @Column(instant('reserved_at')) readonly reservedAt!: Date;
  /** When a verification of a restore of it last passed; null also when its objects have failed a proof since. */
  @Column({ ...instant('verified_at'), ...nullable }) readonly verifiedAt!: Date | null;
  @Column({ ...instant('expired_at'), ...nullable }) readonly expiredAt!: Date | null;
}

/** What is wrong with a copy: what a listing shows, and what its objects failed by. */
export interface CopyDamage {
  readonly lost: readonly Damage[];
  readonly proven: readonly Damage[];
}

/** One backup in one repository. */
@Entity({ schema: 'holdfast', name: 'backup_copies' })
export class BackupCopy {
  @PrimaryColumn({ name: 'backup_id', type: 'uuid' }) readonly backupId!: BackupId;
  @PrimaryColumn('text') readonly repository!: string;
  @Column({ name: 'manifest_key', type: 'text' }) readonly manifestKey!: string;
  @Column(int8('size_bytes')) readonly sizeBytes!: number;
  @Column('text') readonly state!: 'present' | 'damaged' | 'expired';
  @Column(instant('recorded_at')) readonly recordedAt!: Date;
  /** What is wrong with it, where it is damaged. */
  @Column({ type: 'jsonb', ...nullable }) readonly damage!: CopyDamage | null;
  /** When its digests were last read back. */
  @Column({ ...instant('checked_at'), ...nullable }) readonly checkedAt!: Date | null;
  @Column({ ...instant('verified_at'), ...nullable }) readonly verifiedAt!: Date | null;
}
