import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instant } from './columns.js';

/** How far one schedule of the configuration has been looked after. */
@Entity({ schema: 'holdfast', name: 'schedules' })
export class Schedule {
  @PrimaryColumn('text') readonly name!: string;
  /** The last slot that was acted on or passed over; at first the instant at which the schedule was first seen. */
  @Column(instant('done_until')) readonly doneUntil!: Date;
}
