import { Cron } from 'croner';
import type { WallMs } from '#common/domain/zone.js';
import { AppError } from '#common/errors/app-error.js';

export interface CronTimes {
  /** The first time after another one, on the wall of whatever zone. */
  readonly nextWall: (afterMs: WallMs) => WallMs | undefined;
  /** Its hours are `*`: it names no times of the day. */
  readonly isEveryHour: boolean;
}

const EVERY_HOUR = /^(\*|\*\/1|0-23)$/;

/** Five fields, six with seconds first, or a nickname. Clocks are nobody's business here: walls are counted as UTC. Throws: config.invalid. */
export function parseCron(text: string): CronTimes {
  try {
    // By offset: for a named zone, also for UTC, croner asks Intl at every step, at ten times the cost.
    const cron = new Cron(text, { utcOffset: 0, paused: true });
    return {
      nextWall: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime(),
      isEveryHour: EVERY_HOUR.test(hoursOf(text)),
    };
  } catch (error) {
    throw new AppError('config.invalid', `cron "${text}": ${(error as Error).message}`, {}, { cause: error });
  }
}

function hoursOf(text: string): string {
  if (text.trim().toLowerCase() === '@hourly') return '*';
  const fields = text.trim().split(/\s+/);
  return fields[fields.length > 5 ? 2 : 1] ?? '';
}
