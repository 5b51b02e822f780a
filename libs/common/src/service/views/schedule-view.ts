import type { LastRun, ScheduleMark } from '#common/catalog/stores/schedule.store.js';
import type { ScheduleTimes } from '#common/config/schedule-times.config.js';
import type { NextSlotView, ScheduleView } from '#common/contracts/api-views.js';
import { decideStart, type ScheduleRules } from '#common/domain/schedule.policy.js';
import { toLocalText } from '#common/domain/zone.js';
import type { FullSchedule } from '../installation.js';
import { nextSlot, toScheduleRules } from '../timetable.js';

/** Whether the run of the last slot stands in the way of the next. */
export const isRunOpen = (run: LastRun | null): boolean => run === 'pending' || run === 'queued' || run === 'running';

/** A schedule of every second waits through a window with thousands of slots. */
const MAX_LOOKED = 10_000;

export interface ScheduleViewOptions {
  readonly now: Date;
  /** How many of the next slots. */
  readonly count: number;
  /** Undefined: unknown, for the catalog was not asked or has never seen the schedule. */
  readonly mark: ScheduleMark | undefined;
}

/** A schedule as people look at it: what comes next by the configuration, what is true of it by the catalog. */
export function toScheduleView(
  name: string,
  config: FullSchedule,
  { now, count, mark }: ScheduleViewOptions,
): ScheduleView {
  const { asks, dataset, method, cron, zone } = config;
  return {
    ...{ name, asks, dataset, method, cron, zone },
    next: toNextSlots(name, config, now, count),
    state: mark === undefined ? null : toState(mark),
  };
}

function toState({
  pausedAt,
  pauseReason,
  lastSlotAt,
  lastRunId,
  lastRun,
  waiting,
}: ScheduleMark): ScheduleView['state'] {
  return {
    paused: pausedAt === null ? null : { since: pausedAt.toISOString(), reason: pauseReason },
    lastSlotAt: lastSlotAt?.toISOString() ?? null,
    lastRun: lastRunId === null || lastRun === null ? null : { id: lastRunId, state: lastRun },
    waiting:
      waiting === null
        ? null
        : {
            slotAt: waiting.slotAt.toISOString(),
            reason: waiting.reason,
            until: waiting.until?.toISOString() ?? null,
          },
  };
}

/** A slot that starts no later than the one before it serves that one too, which is then left out: both waited for the same window. */
function toNextSlots(name: string, config: ScheduleTimes, now: Date, count: number): NextSlotView[] {
  const rules = toScheduleRules(name, config);
  const views: NextSlotView[] = [];
  let slotAt = nextSlot(config, now);
  for (let looked = 0; slotAt !== undefined && views.length <= count && looked < MAX_LOOKED; looked += 1) {
    const view = toNextSlot(rules, slotAt, config.zone);
    while (view.startsAt !== null && startsFrom(views.at(-1), view.startsAt)) views.pop();
    views.push(view);
    slotAt = nextSlot(config, slotAt);
  }
  return views.slice(0, count);
}

const startsFrom = (view: NextSlotView | undefined, instant: string): boolean =>
  view !== undefined && view.startsAt !== null && view.startsAt >= instant;

function toNextSlot(rules: ScheduleRules, slotAt: Date, zone: string): NextSlotView {
  const start = decideStart(rules, slotAt);
  return {
    slotAt: slotAt.toISOString(),
    startsAt: start?.at.toISOString() ?? null,
    local: toLocalText(zone, start?.at ?? slotAt),
    isInBlackout: start?.isPostponed ?? true,
  };
}
