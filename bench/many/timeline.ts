import type { Client } from 'pg';

export interface Timeline {
  readonly requested: number;
  readonly runs: number;
  readonly completed: number;
  readonly retried: number;
  /** All in seconds after the slot. */
  readonly firstRequestSeconds: number;
  readonly allRequestedSeconds: number;
  readonly allPublishedSeconds: number;
  readonly allQueuedSeconds: number;
  readonly firstClaimSeconds: number;
  readonly allCompletedSeconds: number;
  readonly allEventsPublishedSeconds: number;
}

/** What happened when, from the rows that it left, so that no process had to watch. */
const TIMELINE = `
  WITH request AS (
    SELECT count(*)::float8 AS requested, min(created_at) AS first, max(created_at) AS last, max(published_at) AS published
    FROM holdfast.outbox WHERE event_type = 'backup.requested'
  ),
  run AS (
    SELECT count(*)::float8 AS runs, (count(*) FILTER (WHERE state = 'completed'))::float8 AS completed,
           (count(*) FILTER (WHERE attempt > 1))::float8 AS retried,
           max(created_at) AS queued, min(started_at) AS claimed, max(settled_at) AS settled
    FROM holdfast.runs
  ),
  event AS (SELECT max(published_at) AS events FROM holdfast.outbox WHERE event_type = 'backup.completed')
  SELECT requested, runs, completed, retried,
         extract(epoch FROM first - $1::timestamptz)::float8 AS "firstRequestSeconds",
         extract(epoch FROM last - $1::timestamptz)::float8 AS "allRequestedSeconds",
         extract(epoch FROM published - $1::timestamptz)::float8 AS "allPublishedSeconds",
         extract(epoch FROM queued - $1::timestamptz)::float8 AS "allQueuedSeconds",
         extract(epoch FROM claimed - $1::timestamptz)::float8 AS "firstClaimSeconds",
         extract(epoch FROM settled - $1::timestamptz)::float8 AS "allCompletedSeconds",
         extract(epoch FROM events - $1::timestamptz)::float8 AS "allEventsPublishedSeconds"
  FROM request, run, event`;

export async function readTimeline(admin: Client, slotAt: Date): Promise<Timeline> {
  const { rows } = await admin.query<Timeline>(TIMELINE, [slotAt]);
  if (rows[0] === undefined) throw new Error('the catalog has no timeline');
  return rows[0];
}

/** How many runs were held at once, at most: by one process, and from one host. Claims pass one at a time, so rows tell it exactly. */
const OVERLAP = `
  WITH change AS (
    SELECT owner, started_at AS at, 1 AS step FROM holdfast.runs WHERE started_at IS NOT NULL
    UNION ALL
    SELECT owner, settled_at, -1 FROM holdfast.runs WHERE settled_at IS NOT NULL
  ),
  held AS (
    SELECT sum(step) OVER (PARTITION BY owner ORDER BY at, step) AS "byOwner", sum(step) OVER (ORDER BY at, step) AS "ofHost"
    FROM change
  )
  SELECT max("byOwner")::float8 AS "byOwner", max("ofHost")::float8 AS "ofHost" FROM held`;

export interface Overlap {
  readonly byOwner: number;
  readonly ofHost: number;
}

export async function readOverlap(admin: Client): Promise<Overlap> {
  const { rows } = await admin.query<Overlap>(OVERLAP);
  return rows[0] ?? { byOwner: 0, ofHost: 0 };
}
