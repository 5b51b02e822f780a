import { PlanEvaluation } from '#common/catalog/entities/plan-evaluation.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { Json } from '#common/domain/json.js';

export type NewEvaluation = Pick<PlanEvaluation, 'plan' | 'wouldSucceed' | 'problems' | 'forecast'>;

/** `$5`: something changed that an event tells of. */
const RECORD = `
  INSERT INTO holdfast.plan_evaluations AS last (plan, would_succeed, problems, forecast)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (plan) DO UPDATE
  SET evaluated_at = clock_timestamp(), would_succeed = $2, problems = $3, forecast = $4,
      since = CASE WHEN last.would_succeed = $2 THEN last.since ELSE clock_timestamp() END,
      revision = last.revision + $5::boolean::integer
  RETURNING *`;

/** How long the last completed run of a kind took for a dataset, or that part of its last drill. */
const toLastSeconds = (kind: 'restore' | 'verification', ofDrill: 'restoreMs' | 'verifyMs'): string => `
  SELECT seconds FROM (
    SELECT extract(epoch FROM settled_at - started_at)::float8 AS seconds, settled_at AS at
    FROM holdfast.runs WHERE kind = '${kind}' AND dataset = $1 AND state = 'completed'
    UNION ALL
    SELECT (result ->> '${ofDrill}')::float8 / 1000, completed_at
    FROM holdfast.drills WHERE dataset = $1 AND completed_at IS NOT NULL
  ) AS measured
  ORDER BY at DESC
  LIMIT 1`;

const MEASURED = {
  restore: toLastSeconds('restore', 'restoreMs'),
  verify: toLastSeconds('verification', 'verifyMs'),
};

export const planEvaluationStore = (sql: Sql) => ({
  /** Of all plans that were ever evaluated. */
  list: (): Promise<PlanEvaluation[]> =>
    sql.entities(PlanEvaluation, 'SELECT * FROM holdfast.plan_evaluations ORDER BY plan', []),

  find: async (plan: string): Promise<PlanEvaluation | undefined> => {
    const [row] = await sql.entities(
      PlanEvaluation,
      'SELECT * FROM holdfast.plan_evaluations WHERE plan = $1 FOR UPDATE',
      [plan],
    );
    return row;
  },

  record: async (
    { plan, wouldSucceed, problems, forecast }: NewEvaluation,
    isNews: boolean,
  ): Promise<PlanEvaluation> => {
    const values = [plan, wouldSucceed, toJsonb(problems as unknown as Json), forecast && toJsonb(forecast)];
    const [row] = await sql.entities(PlanEvaluation, RECORD, [...values, isNews]);
    return row as PlanEvaluation;
  },

  /** Plans that the configuration has no more. */
  forgetOthers: (plans: readonly string[]): Promise<number> =>
    sql.affected('DELETE FROM holdfast.plan_evaluations WHERE plan <> ALL ($1)', [plans]),

  /** Undefined: none was ever carried through here. */
  lastSeconds: async (what: keyof typeof MEASURED, dataset: string): Promise<number | undefined> => {
    const [row] = await sql.rows<{ seconds: number }>(MEASURED[what], [dataset]);
    return row?.seconds;
  },
});
