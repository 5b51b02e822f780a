import { z } from 'zod';
import { Weekdays } from '#common/domain/blackout.js';
import { parseDuration } from '#common/domain/duration.js';
import { isZone } from '#common/domain/zone.js';
import { readBy } from '#common/errors/read-by.js';
import { parseCron } from './cron.js';

const Zone = z.string().refine(isZone, { error: 'must be an IANA zone such as Europe/Berlin' });

const TimeOfDay = z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must look like 08:00');

const BlackoutConfig = z.strictObject({
  from: TimeOfDay,
  to: TimeOfDay.describe('Not later than `from`: of the next day'),
  zone: Zone.optional().describe('Default: the zone of the schedule'),
  days: z.array(z.enum(Weekdays)).min(1).optional().describe('Days on which the window begins; default: every day'),
});

/** When a schedule asks for a backup, or for a drill, and when not. */
export const ScheduleTimes = {
  cron: readBy(parseCron).describe('Five fields, or six with seconds first'),
  zone: Zone.default('UTC').describe('IANA zone, Europe/Berlin'),
  jitter: readBy(parseDuration)
    .optional()
    .describe('Each slot starts up to this much later, 10m: the same for a slot in every process'),
  missed: z.enum(['run-once', 'skip']).default('run-once').describe('After an outage: one late run, or none'),
  blackout: z.array(BlackoutConfig).default([]).describe('Windows in which no backup starts'),
  inBlackout: z
    .enum(['postpone', 'skip'])
    .default('postpone')
    .describe('A slot inside a window: run when it ends, or not at all'),
  overlap: z
    .enum(['skip', 'queue'])
    .default('skip')
    .describe('A slot that comes while the last run is open: no run, or one when that has ended'),
};

const Times = z.object(ScheduleTimes);
export type ScheduleTimes = z.output<typeof Times>;
