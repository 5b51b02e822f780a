import { Drill } from '#common/catalog/entities/drill.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Verdict } from '#common/domain/verdict.js';
import { AppError } from '#common/errors/app-error.js';

export type DrillAttempt = Pick<Drill, 'runId' | 'attempt'>;

export type NewDrill = DrillAttempt &
  Pick<Drill, 'name' | 'dataset' | 'backupId' | 'method' | 'target' | 'destination' | 'recovery'>;

const BEGIN = `
  INSERT INTO holdfast.drills (run_id, attempt, name, dataset, backup_id, method, target, destination, recovery)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  RETURNING *`;

/** Of attempts that are over: of settled runs, and of runs that are at a later attempt. */
const LEFT = `
  SELECT drill.*
  FROM holdfast.drills AS drill
  JOIN holdfast.runs AS run ON run.id = drill.run_id
  WHERE drill.removed_at IS NULL
    AND (run.state IN ('completed', 'failed', 'cancelled') OR run.attempt > drill.attempt)
    AND ($1::uuid IS NULL OR drill.run_id = $1)
  ORDER BY drill.started_at
  LIMIT 100`;

const COMPLETE = `
  UPDATE holdfast.drills SET completed_at = clock_timestamp(), verdict = $3, result = $4
  WHERE run_id = $1 AND attempt = $2
  RETURNING *`;

const LAST = `
  SELECT DISTINCT ON (dataset, method) *
  FROM holdfast.drills
  WHERE completed_at IS NOT NULL
  ORDER BY dataset, method, completed_at DESC`;

export const drillStore = (sql: Sql) => ({
  begin: async (drill: NewDrill): Promise<Drill> => {
    const { runId, attempt, name, dataset, backupId, method, target, destination, recovery } = drill;
    const place = [name, dataset, backupId, method, target, destination];
    const [row] = await sql.entities(Drill, BEGIN, [runId, attempt, ...place, recovery && toJsonb(recovery)]);
    return row ?? missing(drill);
  },

  /** What the first attempt decided holds for all later ones. */
  first: async (runId: RunId): Promise<Drill | undefined> => {
    const text = 'SELECT * FROM holdfast.drills WHERE run_id = $1 ORDER BY attempt LIMIT 1';
    const [row] = await sql.entities(Drill, text, [runId]);
    return row;
  },

  find: async ({ runId, attempt }: DrillAttempt): Promise<Drill | undefined> => {
    const text = 'SELECT * FROM holdfast.drills WHERE run_id = $1 AND attempt = $2';
    const [row] = await sql.entities(Drill, text, [runId, attempt]);
    return row;
  },

  setFindings: async ({ runId, attempt }: DrillAttempt, findings: JsonObject): Promise<void> => {
    const text = 'UPDATE holdfast.drills SET findings = $3 WHERE run_id = $1 AND attempt = $2';
    await sql.affected(text, [runId, attempt, toJsonb(findings)]);
  },

  /** Whose scratch places may be there still, at most 100, of one run or of all. */
  left: (runId?: RunId): Promise<Drill[]> => sql.entities(Drill, LEFT, [runId ?? null]),

  setRemoved: async ({ runId, attempt }: DrillAttempt): Promise<void> => {
    const text = 'UPDATE holdfast.drills SET removed_at = clock_timestamp() WHERE run_id = $1 AND attempt = $2';
    await sql.affected(text, [runId, attempt]);
  },

  /** Together with the settling of its run. */
  complete: async (of: DrillAttempt, verdict: Verdict, result: JsonObject): Promise<Drill> => {
    const [row] = await sql.entities(Drill, COMPLETE, [of.runId, of.attempt, verdict, toJsonb(result)]);
    return row ?? missing(of);
  },

  /** The last that was carried through, of each dataset and method. */
  last: (): Promise<Drill[]> => sql.entities(Drill, LAST),
});

function missing({ runId, attempt }: DrillAttempt): never {
  throw new AppError('run.missing', `run ${runId} has not begun attempt ${attempt} at a drill`);
}
