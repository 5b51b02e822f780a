import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BackupId } from '#common/domain/ids.js';
import { instant, nullable } from './columns.js';

/** A backup that is unlike those before it. */
@Entity({ schema: 'holdfast', name: 'suspicions' })
export class Suspicion {
  @PrimaryColumn({ name: 'backup_id', type: 'uuid' }) readonly backupId!: BackupId;
  @Column('jsonb') readonly reasons!: readonly string[];
  @Column(instant('found_at')) readonly foundAt!: Date;
  /** When an operator looked at it and said why it is as it should be. */
  @Column({ ...instant('accepted_at'), ...nullable }) readonly acceptedAt!: Date | null;
  @Column({ name: 'accepted_by', type: 'text', ...nullable }) readonly acceptedBy!: string | null;
  @Column({ name: 'accept_reason', type: 'text', ...nullable }) readonly acceptReason!: string | null;
}
