import { type CronTimes, parseCron } from '#common/config/cron.js';
import type { ScheduleTimes } from '#common/config/schedule-times.config.js';
import type { BlackoutWindow } from '#common/domain/blackout.js';
import { parseDuration } from '#common/domain/duration.js';
import type { ScheduleRules } from '#common/domain/schedule.policy.js';
import { nextInZone } from '#common/domain/wall-slots.js';

type Times = Pick<ScheduleTimes, 'cron' | 'zone'>;

/** Reading an expression costs far more than asking it; every tick asks all schedules. */
const crons = new Map<string, CronTimes>();

/** Of each cron and zone the last answer: it holds for every instant from the one that was asked for until the slot itself. */
const answers = new Map<string, { readonly after: Date; readonly slot: Date }>();

/** The first slot after an instant, in the schedule's own zone; undefined when there is none. Throws: config.invalid. */
export function nextSlot({ cron, zone }: Times, after: Date): Date | undefined {
  const key = `${zone} ${cron}`;
  const known = answers.get(key);
  if (known !== undefined && known.after <= after && after < known.slot) return new Date(known.slot);
  const times = crons.get(cron) ?? parseCron(cron);
  crons.set(cron, times);
  const slot = nextInZone({ zone, ...times }, after);
  if (slot !== undefined) answers.set(key, { after: new Date(after), slot: new Date(slot) });
  return slot;
}

/** A schedule of the configuration, as the decisions know it. */
export function toScheduleRules(name: string, config: ScheduleTimes): ScheduleRules {
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
