import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { UntypedEvent } from '#common/contracts/envelope.js';
import type { Problem } from '#common/errors/app-error.js';
import { instant, int8, nullable } from './columns.js';

/** A committed event on its way to the bus. Per key, ids ascend in commit order. */
@Entity({ schema: 'holdfast', name: 'outbox' })
export class OutboxEntry {
  @PrimaryColumn(int8('id')) readonly id!: number;
  @Column({ name: 'event_id', type: 'text' }) readonly eventId!: string;
  @Column({ name: 'event_type', type: 'text' }) readonly eventType!: string;
  @Column('text') readonly topic!: string;
  @Column('text') readonly key!: string;
  @Column('jsonb') readonly event!: UntypedEvent;
  @Column(instant('created_at')) readonly createdAt!: Date;
  @Column({ ...instant('published_at'), ...nullable }) readonly publishedAt!: Date | null;
  @Column({ ...instant('refused_at'), ...nullable }) readonly refusedAt!: Date | null;
  @Column({ type: 'jsonb', ...nullable }) readonly problem!: Problem | null;
}
