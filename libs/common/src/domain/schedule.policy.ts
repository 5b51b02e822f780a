import { type BlackoutWindow, findBlackoutEnd, findOpening } from './blackout.js';
import { toJitterMs } from './jitter.js';
import { findSlots, type NextSlot, type OpenSlots } from './open-slots.js';

/** What is configured for one schedule, besides its slots. */
export interface ScheduleRules {
  readonly name: string;
  /** A slot starts up to this much later. */
  readonly jitterMs: number;
  /** After an outage: one late run for all missed slots, or none. */
  readonly missed: 'run-once' | 'skip';
  readonly blackout: readonly BlackoutWindow[];
  /** A slot inside a window: wait for its end, or no run. */
  readonly inBlackout: 'postpone' | 'skip';
  /** A slot that comes while the run of the last one is open: no run, or one when that has ended. */
  readonly overlap: 'skip' | 'queue';
}

/** What the decision needs to know of one schedule. */
export interface ScheduleState extends ScheduleRules {
  /** The last slot that was acted on or passed over; at first the instant at which the schedule was first seen. */
  readonly doneUntil: Date;
  readonly isPaused: boolean;
  /** The run of the last slot has not ended. */
  readonly isPreviousOpen: boolean;
  /** What waited when a scheduler last looked. */
  readonly waiting: Wait | null;
}

export interface DueSlot {
  readonly schedule: string;
  readonly slotAt: Date;
  /** No scheduler looked when it should have started; this run makes up for it. */
  readonly isLate: boolean;
}

export type PassReason = 'paused' | 'missed' | 'superseded' | 'blackout' | 'overlap';

/** A slot that no run is made for, and why. */
export interface PassedSlot {
  readonly schedule: string;
  readonly slotAt: Date;
  readonly reason: PassReason;
}

/** A slot that starts later, at the end of a blackout or of the run before. */
export interface Wait {
  readonly slotAt: Date;
  readonly reason: 'blackout' | 'overlap';
  /** null: when the run before has ended. */
  readonly until: Date | null;
}

export interface WaitingSlot extends Wait {
  readonly schedule: string;
}

export interface DueDecision {
  readonly due: readonly DueSlot[];
  readonly passed: readonly PassedSlot[];
  /** At most one of each schedule. */
  readonly waiting: readonly WaitingSlot[];
}

/** A start found later than this was missed: the tick comes every few seconds. */
const LATE_AFTER_MS = 60_000;

/**
 * Which slots need a run now. Of several open slots of one schedule only the newest that may start gets one: a backup taken now
 * serves them all. `nextSlot` gives the first slot after an instant, or undefined when there is none.
 */
export function decideDue(
  schedules: readonly ScheduleState[],
  nextSlot: (schedule: string, after: Date) => Date | undefined,
  now: Date,
): DueDecision {
  const decisions = schedules.map((schedule) => {
    const next: NextSlot = (after) => nextSlot(schedule.name, after);
    return decideOne(schedule, findSlots(schedule, now, next), now);
  });
  return {
    due: decisions.flatMap(({ due }) => due),
    passed: decisions.flatMap(({ passed }) => passed),
    waiting: decisions.flatMap(({ waiting }) => waiting),
  };
}

/** When a slot starts, were no scheduler late; undefined when a blackout takes it away. */
export function decideStart(
  rules: ScheduleRules,
  slotAt: Date,
): { readonly at: Date; readonly isPostponed: boolean } | undefined {
  const jitterMs = toJitterMs(rules.name, slotAt, rules.jitterMs);
  const wanted = new Date(slotAt.getTime() + jitterMs);
  if (findBlackoutEnd(rules.blackout, wanted) === undefined) return { at: wanted, isPostponed: false };
  const opening = rules.inBlackout === 'skip' ? undefined : findOpening(rules.blackout, wanted, jitterMs);
  return opening === undefined ? undefined : { at: opening, isPostponed: true };
}

type Fate =
  | { readonly is: 'due'; readonly isLate: boolean }
  | { readonly is: 'passed'; readonly reason: PassReason }
  | { readonly is: 'early' }
  | ({ readonly is: 'waiting' } & Wait);

/** A slot that may start, or might if no run were open: it stands for all that came before it. */
const leads = (fate: Fate): boolean =>
  fate.is === 'due' ||
  (fate.is === 'waiting' && fate.reason === 'overlap') ||
  (fate.is === 'passed' && (fate.reason === 'overlap' || fate.reason === 'missed'));

/** The mark that follows is one instant, so slots are settled in their order, up to the first that has to wait. */
function decideOne(schedule: ScheduleState, { forgone, slots }: OpenSlots, now: Date): DueDecision {
  const { name } = schedule;
  const fates: { slotAt: Date; fate: Fate }[] = [];
  for (const slotAt of slots.toReversed()) {
    fates.unshift({ slotAt, fate: decideSlot(schedule, slotAt, now) });
    if (fates[0] !== undefined && leads(fates[0].fate)) break;
  }
  const superseded = [...forgone, ...slots.slice(0, slots.length - fates.length)];
  const open = fates.findIndex(({ fate }) => fate.is === 'early' || fate.is === 'waiting');
  const settled = open < 0 ? fates : fates.slice(0, open);
  const due = settled.flatMap(({ slotAt, fate }) =>
    fate.is === 'due' ? [{ schedule: name, slotAt, isLate: fate.isLate }] : [],
  );
  const passed = settled.flatMap(({ slotAt, fate }) =>
    fate.is === 'passed' ? [{ schedule: name, slotAt, reason: fate.reason }] : [],
  );
  return {
    due,
    passed: [...superseded.map((slotAt) => ({ schedule: name, slotAt, reason: 'superseded' as const })), ...passed],
    waiting: toWaiting(
      name,
      fates.map(({ fate }) => fate),
    ),
  };
}

/** One that waits for a run goes before those that wait for a blackout; of these the newest will run. */
function toWaiting(schedule: string, fates: readonly Fate[]): WaitingSlot[] {
  const waits = fates.filter((fate) => fate.is === 'waiting');
  const wait = waits.find(({ reason }) => reason === 'overlap') ?? waits.at(-1);
  if (wait === undefined) return [];
  const { slotAt, reason, until } = wait;
  return [{ schedule, slotAt, reason, until }];
}

function decideSlot(schedule: ScheduleState, slotAt: Date, now: Date): Fate {
  if (schedule.isPaused) return { is: 'passed', reason: 'paused' };
  const start = decideStart(schedule, slotAt);
  if (start === undefined) return { is: 'passed', reason: 'blackout' };
  if (start.at > now)
    return start.isPostponed ? { is: 'waiting', slotAt, reason: 'blackout', until: start.at } : { is: 'early' };
  const isLate = isPast(expectedAt(schedule, slotAt, start.at, now), now);
  if (isLate && schedule.missed === 'skip') return { is: 'passed', reason: 'missed' };
  return (
    decideBelated(schedule, slotAt, isPast(start.at, now) ? now : undefined) ?? decideOverlap(schedule, slotAt, isLate)
  );
}

/** A start that was delayed into a blackout is subject to it as well; one that was asked for in time is not stopped by seconds. */
function decideBelated(schedule: ScheduleState, slotAt: Date, delayedTo: Date | undefined): Fate | undefined {
  if (delayedTo === undefined || findBlackoutEnd(schedule.blackout, delayedTo) === undefined) return undefined;
  const until = schedule.inBlackout === 'skip' ? undefined : findOpening(schedule.blackout, delayedTo);
  return until === undefined
    ? { is: 'passed', reason: 'blackout' }
    : { is: 'waiting', slotAt, reason: 'blackout', until };
}

function decideOverlap({ isPreviousOpen, overlap }: ScheduleState, slotAt: Date, isLate: boolean): Fate {
  if (!isPreviousOpen) return { is: 'due', isLate };
  return overlap === 'skip'
    ? { is: 'passed', reason: 'overlap' }
    : { is: 'waiting', slotAt, reason: 'overlap', until: null };
}

/** A slot that was seen to wait is late from the end of its wait. */
function expectedAt({ waiting }: ScheduleState, slotAt: Date, startAt: Date, now: Date): Date {
  if (waiting?.slotAt.getTime() !== slotAt.getTime()) return startAt;
  return waiting.until ?? now;
}

const isPast = (at: Date, now: Date): boolean => now.getTime() - at.getTime() > LATE_AFTER_MS;
