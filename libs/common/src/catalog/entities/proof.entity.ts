import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BackupId } from '#common/domain/ids.js';
import type { Judged } from '#common/domain/proof.js';
import type { Verdict } from '#common/domain/verdict.js';
import { instant, nullable } from './columns.js';

/** What one verdict found, of one backup in one repository. */
@Entity({ schema: 'holdfast', name: 'proofs' })
export class ProofEntry {
  @PrimaryColumn({ name: 'backup_id', type: 'uuid' }) readonly backupId!: BackupId;
  @PrimaryColumn('text') readonly repository!: string;
  @PrimaryColumn({ name: 'run_id', type: 'text' }) readonly runId!: string;
  /** The objects that were proven; null: not known. */
  @Column({ name: 'attempt_key', type: 'text', ...nullable }) readonly attemptKey!: string | null;
  @Column(instant('proven_at')) readonly provenAt!: Date;
  @Column('text') readonly verdict!: Verdict;
  @Column('jsonb') readonly probes!: Judged['probes'];
}
