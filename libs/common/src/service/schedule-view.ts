import type { LastRun, ScheduleMark } from '../catalog/stores/schedule.store.js';
import type { ScheduleConfig } from '../config/policies.config.js';
import type { NextSlotView, ScheduleView } from '../contracts/api-views.js';
import { decideStart } from '../domain/schedule.policy.js';
import { toLocalText } from '../domain/zone.js';
import { nextSlot, toScheduleRules } from './timetable.js';

/** Whether the run of the last slot stands in the way of the next. */
export const isRunOpen = (run: LastRun | null): boolean => run === 'pending' || run === 'queued' || run === 'running';

export interface ScheduleViewOptions {
  readonly now: Date;
  /** How many of the next slots. */
  readonly count: number;
  /** Undefined: nobody knows, for the catalog was not asked or has never seen the schedule. */
  readonly mark: ScheduleMark | undefined;
}

/** A schedule as people look at it: what comes next by the configuration, what is true of it by the catalog. */
export function toScheduleView(
  name: string,
  config: ScheduleConfig,
  { now, count, mark }: ScheduleViewOptions,
): ScheduleView {
  const { dataset, method, cron, zone } = config;
  return {
    ...{ name, dataset, method, cron, zone },
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

function toNextSlots(name: string, config: ScheduleConfig, now: Date, count: number): NextSlotView[] {
  const rules = toScheduleRules(name, config);
  const views: NextSlotView[] = [];
  for (
    let slotAt = nextSlot(config, now);
    slotAt !== undefined && views.length < count;
    slotAt = nextSlot(config, slotAt)
  ) {
    const start = decideStart(rules, slotAt);
    const shown = start?.at ?? slotAt;
    views.push({
      slotAt: slotAt.toISOString(),
      startsAt: start?.at.toISOString() ?? null,
      local: toLocalText(config.zone, shown),
      isInBlackout: start?.isPostponed ?? true,
    });
  }
  return views;
}
