import { type CronTimes, parseCron } from '#common/config/cron.js';
import type { ScheduleConfig } from '#common/config/policies.config.js';
import type { BlackoutWindow } from '#common/domain/blackout.js';
import { parseDuration } from '#common/domain/duration.js';
import type { ScheduleRules } from '#common/domain/schedule.policy.js';
import { nextInZone } from '#common/domain/wall-slots.js';

type Times = Pick<ScheduleConfig, 'cron' | 'zone'>;

/** Reading an expression costs far more than asking it; every tick asks all schedules. */
const crons = new Map<string, CronTimes>();

/** The first slot after an instant, in the schedule's own zone; undefined when there is none. Throws: config.invalid. */
export function nextSlot({ cron, zone }: Times, after: Date): Date | undefined {
  const times = crons.get(cron) ?? parseCron(cron);
  crons.set(cron, times);
  return nextInZone({ zone, ...times }, after);
}

/** A schedule of the configuration, as the decisions know it. */
export function toScheduleRules(name: string, config: ScheduleConfig): ScheduleRules {
  const { zone, jitter, missed, blackout, inBlackout, overlap } = config;
  const windows = blackout.map(
    ({ from, to, days, zone: own = zone }): BlackoutWindow => ({
      zone: own,
      fromMs: toMs(from),
      toMs: toMs(to),
      days,
    }),
  );
  const jitterMs = jitter === undefined ? 0 : parseDuration(jitter);
  return { name, jitterMs, missed, blackout: windows, inBlackout, overlap };
}

const toMs = (timeOfDay: string): number => {
  const [hours, minutes] = timeOfDay.split(':').map(Number);
  return ((hours ?? 0) * 60 + (minutes ?? 0)) * 60_000;
};
