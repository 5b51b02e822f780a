import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '#common/domain/json.js';
import { instant, int8 } from './columns.js';

/** Who asked for what, and what was answered. Never changed, and deleted only by age, after 90 days at the earliest. */
@Entity({ schema: 'holdfast', name: 'audit' })
export class AuditEntry {
  @PrimaryColumn(int8('id')) readonly id!: number;
  @Column(instant('at')) readonly at!: Date;
  @Column('text') readonly actor!: string;
  @Column('text') readonly action!: string;
  @Column('text') readonly subject!: string;
  @Column('text') readonly outcome!: string;
  @Column('jsonb') readonly detail!: JsonObject;
}
