import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instant, int8 } from './columns.js';

/** A claim without an end: one holder of a name at a time. */
@Entity({ schema: 'holdfast', name: 'leases' })
export class Lease {
  @PrimaryColumn('text') readonly name!: string;
  @Column('text') readonly owner!: string;
  /** Grows with every change of hands. */
  @Column(int8('fence')) readonly fence!: number;
  @Column(instant('acquired_at')) readonly acquiredAt!: Date;
  @Column(instant('expires_at')) readonly expiresAt!: Date;
  /** When it was last acquired, renewed or released. */
  @Column(instant('timed_at')) readonly timedAt!: Date;
}
