import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PlanForecast, PlanProblem } from '#common/contracts/plan-forecast.js';
import { instant, nullable } from './columns.js';

/** What the last evaluation of one recovery plan found. */
@Entity({ schema: 'holdfast', name: 'plan_evaluations' })
export class PlanEvaluation {
  @PrimaryColumn('text') readonly plan!: string;
  @Column(instant('evaluated_at')) readonly evaluatedAt!: Date;
  @Column({ name: 'would_succeed', type: 'boolean' }) readonly wouldSucceed!: boolean;
  /** Since when the answer is this one. */
  @Column(instant('since')) readonly since!: Date;
  /** Counts the changes that events tell of. */
  @Column('integer') readonly revision!: number;
  @Column('jsonb') readonly problems!: readonly PlanProblem[];
  /** null: it could not be made. */
  @Column({ type: 'jsonb', ...nullable }) readonly forecast!: PlanForecast | null;
}
