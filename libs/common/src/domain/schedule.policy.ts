/** What the decision needs to know of one schedule. */
export interface ScheduleState {
  readonly name: string;
  /** The last slot that was acted on or passed over; at first the instant at which the schedule was first seen. */
  readonly doneUntil: Date;
  /** After an outage: one late run for all missed slots, or none. */
  readonly missed: 'run-once' | 'skip';
  readonly isPaused: boolean;
}

export interface DueSlot {
  readonly schedule: string;
  readonly slotAt: Date;
  /** Nobody looked when the slot came; this run makes up for it. */
  readonly isLate: boolean;
}

/** A slot that no run is made for, and why. */
export interface PassedSlot {
  readonly schedule: string;
  readonly slotAt: Date;
  readonly reason: 'paused' | 'missed' | 'superseded';
}

export interface DueDecision {
  readonly due: readonly DueSlot[];
  readonly passed: readonly PassedSlot[];
}

/** A slot found later than this was missed: the tick comes every few seconds. */
const LATE_AFTER_MS = 60_000;
/** After years of absence only the newest slots are worth naming. */
const MAX_SLOTS = 10_000;

/**
 * Which slots need a run now. Of several open slots of one schedule only the newest gets one: a backup taken now serves them all.
 * `nextSlot` gives the first slot after an instant, or undefined when there is none.
 */
export function decideDue(
  schedules: readonly ScheduleState[],
  nextSlot: (schedule: string, after: Date) => Date | undefined,
  now: Date,
): DueDecision {
  const due: DueSlot[] = [];
  const passed: PassedSlot[] = [];
  for (const schedule of schedules) {
    const slots = slotsUntil(now, schedule.doneUntil, (after) => nextSlot(schedule.name, after));
    const newest = slots.pop();
    if (newest === undefined) continue;
    passed.push(...slots.map((slotAt) => ({ schedule: schedule.name, slotAt, reason: 'superseded' as const })));
    const isLate = now.getTime() - newest.getTime() > LATE_AFTER_MS;
    if (schedule.isPaused) passed.push({ schedule: schedule.name, slotAt: newest, reason: 'paused' });
    else if (isLate && schedule.missed === 'skip')
      passed.push({ schedule: schedule.name, slotAt: newest, reason: 'missed' });
    else due.push({ schedule: schedule.name, slotAt: newest, isLate });
  }
  return { due, passed };
}

function slotsUntil(now: Date, after: Date, next: (after: Date) => Date | undefined): Date[] {
  const slots: Date[] = [];
  for (let slot = next(after); slot !== undefined && slot <= now; slot = next(slot)) {
    slots.push(slot);
    if (slots.length > MAX_SLOTS) slots.shift();
  }
  return slots;
}
