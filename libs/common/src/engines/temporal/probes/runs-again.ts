import type { Evidence } from '#common/domain/verdict.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { numberOf, readFields } from '#common/engines/temporal/proto-fields.js';
import type { PerStore } from '#common/engines/temporal/temporal-dataset.js';

/** What a restored Temporal does as soon as it is started. */
export interface RunsAgain {
  readonly facts: readonly Evidence[];
  readonly notes: readonly string[];
}

const SHOWN = 5;

/**
 * Activities that had been given out, which run again whether or not they were done since; timers whose time is over, which fire at once; Schedules that
 * are not paused, which take the actions that they missed within their catch-up window.
 */
export async function readAgain({ main, visibility }: PerStore<PgSession>): Promise<RunsAgain> {
  const activities = await readActivities(main);
  const timers = await readDueTimers(main, Date.now());
  const schedules = await readSchedules(visibility);
  return {
    facts: [...activities.facts, ...timers.facts, ...schedules.facts],
    notes: [
      ...toNote(activities.count, 'pending activity', 'pending activities', 'will run again'),
      ...toNote(timers.count, 'timer', 'timers', 'will fire at once'),
      ...toNote(schedules.count, 'Schedule', 'Schedules', 'will take missed actions unless held'),
    ],
  };
}

interface Found {
  readonly count: number;
  readonly facts: readonly Evidence[];
}

const toNote = (count: number, one: string, many: string, what: string): string[] =>
  count === 0 ? [] : [`${count} ${count === 1 ? one : many} ${what}`];

interface Pending {
  readonly namespace: string;
  readonly workflow: string;
  readonly count: number;
}

async function readActivities(main: PgSession): Promise<Found> {
  const { count } = await main.queryOne<{ count: number }>('SELECT count(*)::int AS count FROM activity_info_maps');
  const rows = await main.query<Pending>(
    `SELECT coalesce(n.name, '?') AS namespace, a.workflow_id AS workflow, count(*)::int AS count
     FROM activity_info_maps a LEFT JOIN namespaces n ON n.id = a.namespace_id
     GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT ${SHOWN}`,
  );
  const facts = rows.map(({ namespace, workflow, count: pending }) => ({
    subject: `workflow ${workflow} in namespace ${namespace}: ${pending} ${pending === 1 ? 'activity' : 'activities'} to run again`,
  }));
  return { count, facts };
}

interface TimerRow extends Omit<Pending, 'count'> {
  readonly place: readonly [number, string, string, string, string];
  readonly timer: string;
  readonly data: Buffer;
}

const PAGE = 5_000;

/** Page by page: when a timer fires is inside of its row. */
async function readDueTimers(main: PgSession, nowMs: number): Promise<Found> {
  const facts: Evidence[] = [];
  let count = 0;
  let after: TimerRow['place'] = [-1, '', '', '', ''];
  for (;;) {
    const rows = await main.query<TimerRow>(TIMERS, [...after]);
    for (const { namespace, workflow, timer, data } of rows) {
      const dueAt = toExpiry(data);
      if (dueAt > nowMs) continue;
      count += 1;
      if (facts.length < SHOWN)
        facts.push({
          subject: `workflow ${workflow} in namespace ${namespace}: timer ${timer} was due at ${new Date(dueAt).toISOString()}`,
        });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return { count, facts };
    after = last.place;
  }
}

const TIMERS = `
  SELECT coalesce(n.name, '?') AS namespace, t.workflow_id AS workflow, t.timer_id AS timer, t.data,
    json_build_array(shard_id, encode(namespace_id, 'hex'), workflow_id, encode(run_id, 'hex'), timer_id) AS place
  FROM timer_info_maps t LEFT JOIN namespaces n ON n.id = t.namespace_id
  WHERE (shard_id, namespace_id, workflow_id, run_id, timer_id) > ($1, decode($2, 'hex'), $3, decode($4, 'hex'), $5)
  ORDER BY shard_id, namespace_id, workflow_id, run_id, timer_id
  LIMIT ${PAGE}`;

/** Source: temporal/server/api/persistence/v1/executions.proto, TimerInfo.expiry_time. */
function toExpiry(data: Buffer): number {
  const expiry = readFields(data).get(3);
  return expiry instanceof Buffer ? numberOf(readFields(expiry), 1) * 1_000 : 0;
}

/** The visibility store tells Schedules by a division of their own, and whether they are paused by a search attribute. */
async function readSchedules(visibility: PgSession): Promise<Found> {
  const rows = await visibility.query<{ schedule: string; count: number }>(
    `SELECT replace(workflow_id, 'temporal-sys-scheduler:', '') AS schedule, (count(*) OVER ())::int AS count
     FROM executions_visibility
     WHERE status = 1 AND temporalnamespacedivision = 'TemporalScheduler' AND temporalschedulepaused IS NOT TRUE
     ORDER BY workflow_id LIMIT ${SHOWN}`,
  );
  return {
    count: rows[0]?.count ?? 0,
    facts: rows.map(({ schedule }) => ({ subject: `Schedule ${schedule} takes the actions that it missed` })),
  };
}
