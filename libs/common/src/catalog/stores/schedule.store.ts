import type { Sql } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { RunState } from '#common/domain/run.js';

/** What became of the last request: no service has taken it yet, it was refused or lost, or it is a run. */
export type LastRun = 'pending' | 'rejected' | 'lost' | RunState;

export interface ScheduleMark {
  readonly name: string;
  readonly doneUntil: Date;
  readonly pausedAt: Date | null;
  readonly pauseReason: string | null;
  /** The last slot that a request was made for. */
  readonly lastSlotAt: Date | null;
  readonly lastRunId: RunId | null;
  /** null: no request has been made. */
  readonly lastRun: LastRun | null;
  readonly waiting: WaitMark | null;
}

export interface SetBackMark {
  readonly name: string;
  /** Before. */
  readonly doneUntil: Date;
  readonly now: Date;
}

export interface MadeRequest {
  readonly slotAt: Date;
  readonly requestId: string;
  readonly runId: RunId;
}

export interface WaitMark {
  readonly slotAt: Date;
  readonly reason: 'blackout' | 'overlap';
  readonly until: Date | null;
}

const REMEMBER = 'INSERT INTO holdfast.schedules (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING';

/** A request that no service takes in so long is lost: it must not keep its schedule from asking for ever. */
const LOST_AFTER = `interval '1 hour'`;

const LOCK = 'SELECT name FROM holdfast.schedules WHERE name = ANY ($1) ORDER BY name FOR UPDATE';

/** An answer in the audit trail without a run is a refusal. */
const MARKS = `
  SELECT
    schedule.name,
    schedule.done_until AS "doneUntil",
    schedule.paused_at AS "pausedAt",
    schedule.pause_reason AS "pauseReason",
    schedule.last_slot_at AS "lastSlotAt",
    schedule.last_run_id AS "lastRunId",
    schedule.waiting_slot_at AS "waitingSlotAt",
    schedule.waiting_reason AS "waitingReason",
    schedule.waiting_until AS "waitingUntil",
    CASE
      WHEN run.state IS NOT NULL THEN run.state
      WHEN schedule.last_request_id IS NULL THEN NULL
      WHEN EXISTS (SELECT FROM holdfast.audit WHERE subject = schedule.last_request_id) THEN 'rejected'
      WHEN schedule.requested_at < clock_timestamp() - ${LOST_AFTER} THEN 'lost'
      ELSE 'pending'
    END AS "lastRun"
  FROM holdfast.schedules AS schedule
  LEFT JOIN holdfast.runs AS run ON run.id = schedule.last_run_id
  WHERE schedule.name = ANY ($1)
  ORDER BY schedule.name`;

/** No slot is acted on before its time: a mark that lies ahead was set by a clock that was ahead. */
const SET_BACK = `
  UPDATE holdfast.schedules AS schedule
  SET done_until = clock_timestamp()
  FROM (SELECT name, done_until FROM holdfast.schedules WHERE name = ANY ($1)) AS before
  WHERE schedule.name = before.name AND before.done_until > clock_timestamp() + interval '1 s'
  RETURNING schedule.name, before.done_until AS "doneUntil", schedule.done_until AS "now"`;

const ADVANCE = 'UPDATE holdfast.schedules SET done_until = $2 WHERE name = $1 AND done_until < $2';

const RECORD = `
  UPDATE holdfast.schedules
  SET last_slot_at = $2, last_request_id = $3, last_run_id = $4, requested_at = clock_timestamp()
  WHERE name = $1`;

const WAIT = `
  UPDATE holdfast.schedules SET waiting_slot_at = $2, waiting_reason = $3, waiting_until = $4 WHERE name = $1`;

const PAUSE = `
  UPDATE holdfast.schedules SET paused_at = clock_timestamp(), pause_reason = $2 WHERE name = $1 AND paused_at IS NULL`;

const RESUME = `
  UPDATE holdfast.schedules SET paused_at = NULL, pause_reason = NULL WHERE name = $1 AND paused_at IS NOT NULL`;

interface MarkRow extends Omit<ScheduleMark, 'waiting'> {
  readonly waitingSlotAt: Date | null;
  readonly waitingReason: WaitMark['reason'] | null;
  readonly waitingUntil: Date | null;
}

const toMark = ({ waitingSlotAt, waitingReason, waitingUntil, ...row }: MarkRow): ScheduleMark => ({
  ...row,
  waiting:
    waitingSlotAt === null || waitingReason === null
      ? null
      : { slotAt: waitingSlotAt, reason: waitingReason, until: waitingUntil },
});

export const scheduleStore = (sql: Sql) => {
  const marks = async (names: readonly string[]): Promise<ScheduleMark[]> =>
    (await sql.rows<MarkRow>(MARKS, [names])).map(toMark);

  return {
    /** What is known of these schedules; one that no scheduler has looked after yet is left out. */
    marks,

    /** The same with new ones begun now, locked until commit: two schedulers never decide at once. */
    lock: async (names: readonly string[]): Promise<ScheduleMark[]> => {
      await sql.rows(REMEMBER, [names]);
      await sql.rows(LOCK, [names]);
      // Read by a statement of its own: only a later one sees what the holder before us has committed elsewhere.
      return marks(names);
    },

    /**
     * Of schedules that are locked, those that had been looked after until an instant which is still to come begin again now. Slots that
     * come twice by this are the same slots, so that those which have their run get no other one.
     */
    setBack: (names: readonly string[]): Promise<SetBackMark[]> => sql.rows<SetBackMark>(SET_BACK, [names]),

    /** Together with the request for the slot. */
    advance: async (name: string, doneUntil: Date): Promise<void> => {
      await sql.affected(ADVANCE, [name, doneUntil]);
    },

    record: async (name: string, { slotAt, requestId, runId }: MadeRequest): Promise<void> => {
      await sql.affected(RECORD, [name, slotAt, requestId, runId]);
    },

    /** null: nothing waits any more. */
    setWaiting: async (name: string, wait: WaitMark | null): Promise<void> => {
      await sql.affected(WAIT, [name, wait?.slotAt ?? null, wait?.reason ?? null, wait?.until ?? null]);
    },

    /** false when it was paused before. */
    pause: async (name: string, reason: string | null): Promise<boolean> => {
      await sql.rows(REMEMBER, [[name]]);
      return (await sql.affected(PAUSE, [name, reason])) === 1;
    },

    /** false when it was not paused. */
    resume: async (name: string): Promise<boolean> => (await sql.affected(RESUME, [name])) === 1,
  };
};
