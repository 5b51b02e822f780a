import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instant } from './columns.js';

/** A request that one consumer has taken. */
@Entity({ schema: 'holdfast', name: 'inbox' })
export class InboxEntry {
  @PrimaryColumn('text') readonly consumer!: string;
  @PrimaryColumn('text') readonly source!: string;
  @PrimaryColumn({ name: 'event_id', type: 'text' }) readonly eventId!: string;
  @Column(instant('received_at')) readonly receivedAt!: Date;
  @Column(instant('keep_until')) readonly keepUntil!: Date;
}
