import { Replay } from '#common/catalog/entities/replay.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError } from '#common/errors/app-error.js';

export type NewReplay = Pick<Replay, 'runId' | 'dataset' | 'mode' | 'plan'>;

const BEGIN = `
  INSERT INTO holdfast.replays (run_id, dataset, mode, plan)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (run_id) DO UPDATE SET run_id = excluded.run_id
  RETURNING *`;

const COMPLETE = `
  UPDATE holdfast.replays
  SET completed_at = clock_timestamp(), is_complete = $2, result = $3
  WHERE run_id = $1
  RETURNING *`;

const LIST = `
  SELECT * FROM holdfast.replays
  WHERE ($1::text IS NULL OR dataset = $1)
  ORDER BY started_at DESC
  LIMIT least(greatest($2, 1), 1000)`;

export const replayStore = (sql: Sql) => ({
  /** The range that the first attempt froze holds for all later ones: they get it back. */
  begin: async ({ runId, dataset, mode, plan }: NewReplay): Promise<Replay> => {
    const [row] = await sql.entities(Replay, BEGIN, [runId, dataset, mode, toJsonb(plan)]);
    return row ?? missing(runId);
  },

  /** Together with the settling of its run. */
  complete: async (runId: RunId, isComplete: boolean, result: JsonObject): Promise<Replay> => {
    const [row] = await sql.entities(Replay, COMPLETE, [runId, isComplete, toJsonb(result)]);
    return row ?? missing(runId);
  },

  find: async (runId: RunId): Promise<Replay | undefined> => {
    const [row] = await sql.entities(Replay, 'SELECT * FROM holdfast.replays WHERE run_id = $1', [runId]);
    return row;
  },

  /** Newest first. */
  list: ({ dataset, limit = 50 }: { dataset?: string; limit?: number } = {}): Promise<Replay[]> =>
    sql.entities(Replay, LIST, [dataset ?? null, limit]),
});

function missing(runId: RunId): never {
  throw new AppError('run.missing', `run ${runId} has not begun a replay`);
}
