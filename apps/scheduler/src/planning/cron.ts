import { Cron } from 'croner';
import type { ScheduleConfig } from '#common/config/policies.config.js';
import { AppError } from '#common/errors/app-error.js';

/**
 * The first slot after an instant, in the schedule's own zone; undefined when there is none.
 * A slot inside the hour that daylight saving skips runs when that hour is over; one in the repeated hour runs once.
 */
export function nextSlot(name: string, { cron, zone }: ScheduleConfig, after: Date): Date | undefined {
  try {
    return new Cron(cron, { timezone: zone, paused: true }).nextRun(after) ?? undefined;
  } catch (error) {
    throw new AppError('config.invalid', `schedules.${name}: ${(error as Error).message}`, {}, { cause: error });
  }
}
