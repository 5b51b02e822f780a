import { Run } from '#common/catalog/entities/run.entity.js';
import type { Sql } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { RunKind, RunState } from '#common/domain/run.js';
import { AppError } from '#common/errors/app-error.js';

export interface RunFilter {
  readonly kinds?: readonly RunKind[];
  readonly states?: readonly RunState[];
  readonly dataset?: string;
  /** `number` of the last run of the page before. */
  readonly before?: number;
  /** 1 to 1000. */
  readonly limit?: number;
}

export interface QueueCount {
  readonly kind: RunKind;
  readonly state: 'queued' | 'running';
  readonly count: number;
  /** Of the longest open run of this kind and state. */
  readonly oldestAgeSeconds: number;
}

const LIST = `
  SELECT *
  FROM holdfast.runs
  WHERE ($1::text[] IS NULL OR kind = ANY ($1))
    AND ($2::text[] IS NULL OR state = ANY ($2))
    AND ($3::text IS NULL OR dataset = $3)
    AND ($4::bigint IS NULL OR number < $4)
  ORDER BY number DESC
  LIMIT least(greatest($5, 1), 1000)`;

const COUNT_OPEN = `
  SELECT kind, state, count(*)::integer AS count,
         extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS "oldestAgeSeconds"
  FROM holdfast.runs
  WHERE state IN ('queued', 'running')
  GROUP BY kind, state`;

export const runList = (sql: Sql) => {
  const find = async (id: RunId): Promise<Run | undefined> => {
    const [run] = await sql.entities(Run, 'SELECT * FROM holdfast.runs WHERE id = $1', [id]);
    return run;
  };
  return {
    find,

    /** Throws: run.missing. */
    load: async (id: RunId): Promise<Run> => {
      const run = await find(id);
      if (run === undefined) throw new AppError('run.missing', `run ${id} is not in the catalog`);
      return run;
    },

    /** Newest first; page on with `before`. */
    list: ({ kinds, states, dataset, before, limit = 50 }: RunFilter = {}): Promise<Run[]> =>
      sql.entities(Run, LIST, [kinds ?? null, states ?? null, dataset ?? null, before ?? null, limit]),

    /** The queue as metrics show it. */
    countOpen: (): Promise<QueueCount[]> => sql.rows<QueueCount>(COUNT_OPEN),
  };
};
