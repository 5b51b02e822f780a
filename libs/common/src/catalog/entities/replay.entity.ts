import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { instant, nullable } from './columns.js';

/** A replay with the range that its first attempt froze; a later attempt goes on in it. */
@Entity({ schema: 'holdfast', name: 'replays' })
export class Replay {
  @PrimaryColumn({ name: 'run_id', type: 'uuid' }) readonly runId!: RunId;
  @Column('text') readonly dataset!: string;
  @Column('text') readonly mode!: 'reset' | 'republish';
  @Column('jsonb') readonly plan!: JsonObject;
  @Column(instant('started_at')) readonly startedAt!: Date;
  @Column({ ...instant('completed_at'), ...nullable }) readonly completedAt!: Date | null;
  /** false: some events are gone from the bus. */
  @Column({ name: 'is_complete', type: 'boolean', ...nullable }) readonly isComplete!: boolean | null;
  @Column({ type: 'jsonb', ...nullable }) readonly result!: JsonObject | null;
}
