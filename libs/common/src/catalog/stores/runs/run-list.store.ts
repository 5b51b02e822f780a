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
  /** `queue`: whose turn is next comes first. Default: newest first. */
  readonly order?: 'newest' | 'queue';
}

/** A run that waits, as its queue sees it. */
export interface QueuePlace {
  readonly id: RunId;
  /** From 1, among all that the same workers take; a run whose source host is busy, or that waits for a retry, is passed meanwhile. */
  readonly position: number;
  readonly waitSeconds: number;
  /** Not before then: a retry. null: as soon as there is a slot. */
  readonly retryAt: Date | null;
}

/** All that is open, in four numbers. */
export interface QueueSummary {
  readonly queued: number;
  readonly running: number;
  /** Of the queued ones, those that wait for their next attempt. */
  readonly retrying: number;
  readonly oldestQueuedSeconds: number;
}

/** Open runs that read from one host. */
export interface HostCount {
  readonly host: string;
  readonly queued: number;
  readonly running: number;
}

export interface QueueCount {
  readonly kind: RunKind;
  readonly state: 'queued' | 'running';
  readonly count: number;
  /** Of the longest open run of this kind and state. */
  readonly oldestAgeSeconds: number;
}

const FILTER = `
  ($1::text[] IS NULL OR kind = ANY ($1))
    AND ($2::text[] IS NULL OR state = ANY ($2))
    AND ($3::text IS NULL OR dataset = $3)`;

/** As workers claim. */
const TURN = `kind = 'restore' DESC, priority DESC, number`;

const toList = (order: string): string => `
  SELECT *
  FROM holdfast.runs
  WHERE ${FILTER}
    AND ($4::bigint IS NULL OR number < $4)
  ORDER BY ${order}
  LIMIT least(greatest($5, 1), 1000)`;

const LIST = { newest: toList('number DESC'), queue: toList(TURN) };

const COUNT = `SELECT count(*)::integer AS count FROM holdfast.runs WHERE ${FILTER}`;

/** Executors take backups, restores, rebuilds and drills, schedulers recovery points, verifiers the rest: three queues. */
const PLACES = `
  WITH queue AS (
    SELECT id, row_number() OVER (
             PARTITION BY kind IN ('backup', 'restore', 'reindex', 'drill'), kind = 'point' ORDER BY ${TURN}
           ) AS position, created_at, run_after
    FROM holdfast.runs
    WHERE state = 'queued'
  )
  SELECT id, position::integer AS position,
         extract(epoch FROM clock_timestamp() - created_at)::float8 AS "waitSeconds",
         CASE WHEN run_after > clock_timestamp() THEN run_after END AS "retryAt"
  FROM queue
  WHERE id = ANY ($1)`;

const SUMMARY = `
  SELECT (count(*) FILTER (WHERE state = 'queued'))::integer AS queued,
         (count(*) FILTER (WHERE state = 'running'))::integer AS running,
         (count(*) FILTER (WHERE state = 'queued' AND run_after > clock_timestamp()))::integer AS retrying,
         coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state = 'queued')), 0)::float8
           AS "oldestQueuedSeconds"
  FROM holdfast.runs
  WHERE state IN ('queued', 'running')`;

const COUNT_RETRYING = `
  SELECT kind, (count(*) FILTER (WHERE run_after > clock_timestamp()))::integer AS count
  FROM holdfast.runs
  WHERE state = 'queued'
  GROUP BY kind`;

const COUNT_BY_HOST = `
  SELECT source_host AS host, (count(*) FILTER (WHERE state = 'queued'))::integer AS queued,
         (count(*) FILTER (WHERE state = 'running' AND claim_expires_at > clock_timestamp()))::integer AS running
  FROM holdfast.runs
  WHERE state IN ('queued', 'running') AND source_host IS NOT NULL
  GROUP BY source_host`;

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

    /** Newest first unless asked otherwise; page on with `before`. */
    list: ({ kinds, states, dataset, before, limit = 50, order = 'newest' }: RunFilter = {}): Promise<Run[]> =>
      sql.entities(Run, LIST[order], [kinds ?? null, states ?? null, dataset ?? null, before ?? null, limit]),

    /** How many the filter fits, whatever its page. */
    count: async ({ kinds, states, dataset }: RunFilter = {}): Promise<number> => {
      const [row] = await sql.rows<{ count: number }>(COUNT, [kinds ?? null, states ?? null, dataset ?? null]);
      return row?.count ?? 0;
    },

    /** Of those that still wait. */
    places: (ids: readonly RunId[]): Promise<QueuePlace[]> => sql.rows<QueuePlace>(PLACES, [ids]),

    summary: async (): Promise<QueueSummary> => {
      const [summary] = await sql.rows<QueueSummary>(SUMMARY);
      return summary ?? { queued: 0, running: 0, retrying: 0, oldestQueuedSeconds: 0 };
    },

    /** The queue as metrics show it. */
    countOpen: (): Promise<QueueCount[]> => sql.rows<QueueCount>(COUNT_OPEN),

    /** Queued runs that wait for their next attempt. */
    countRetrying: (): Promise<{ kind: RunKind; count: number }[]> => sql.rows(COUNT_RETRYING),

    countByHost: (): Promise<HostCount[]> => sql.rows<HostCount>(COUNT_BY_HOST),
  };
};
