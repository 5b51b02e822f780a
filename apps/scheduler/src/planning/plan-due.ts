import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ScheduleMark } from '#common/catalog/stores/schedule.store.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { DrillRequested } from '#common/contracts/events/drill-requested.event.js';
import { PointRequested } from '#common/contracts/events/point-requested.event.js';
import { toInstantAfter } from '#common/domain/duration.js';
import { toRunId, toUuidV5 } from '#common/domain/ids.js';
import {
  type DueDecision,
  type DueSlot,
  decideDue,
  type ScheduleState,
  type Wait,
  type WaitingSlot,
} from '#common/domain/schedule.policy.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { nextSlot, toScheduleRules } from '#common/service/timetable.js';
import { isRunOpen } from '#common/service/views/schedule-view.js';
import type { Logger } from '#common/telemetry/logger.js';
import { auditPassed, auditSetBack, auditWaiting, type PassedSlots, toPassedSlots } from './passed-slots.js';

export interface PlanDueDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
  readonly logger: Logger;
}

interface Planned extends DueDecision {
  readonly passedSlots: readonly PassedSlots[];
  /** What has not been said before. */
  readonly newlyWaiting: readonly WaitingSlot[];
}

/** Slots that one transaction settles: a thousand that are due at once neither block each other's schedules nor outlive a transaction. */
const AT_ONCE = 100;

/**
 * One look at the schedules: writes a request for every slot that is due and an audit row for what is passed over or has to wait,
 * and moves the marks, schedule by schedule together. The request's id derives from schedule and slot, so that neither two schedulers
 * nor a repeated look make two backups. Most looks find nothing, and then read only: whatever is found is decided again under a lock.
 */
export async function planDue(deps: PlanDueDeps): Promise<DueDecision> {
  const { catalog, logger } = deps;
  const names = deps.installation.scheduleNames();
  if (names.length === 0) return { due: [], passed: [], waiting: [] };
  const { touched, stillWaiting } = await catalog.transaction((tx) => look(names, tx, deps));
  const whole: DueDecision[] = [];
  for (let start = 0; start < touched.length; start += AT_ONCE) {
    const some = touched.slice(start, start + AT_ONCE);
    const { passedSlots, newlyWaiting, ...decision } = await catalog.transaction((tx) => planNow(some, tx, deps));
    for (const slot of decision.due) logger.info(slot, 'requested by schedule');
    for (const slots of passedSlots) logger.warn(slots, 'slot passed over');
    for (const slot of newlyWaiting) logger.warn(slot, 'slot has to wait');
    whole.push(decision);
  }
  return {
    due: whole.flatMap(({ due }) => due),
    passed: whole.flatMap(({ passed }) => passed),
    waiting: [...stillWaiting, ...whole.flatMap(({ waiting }) => waiting)],
  };
}

interface Look {
  /** Something would change of them now, or no scheduler has looked after them yet. */
  readonly touched: readonly string[];
  /** Of the others. */
  readonly stillWaiting: readonly WaitingSlot[];
}

/** Locks nothing. */
async function look(names: readonly string[], tx: CatalogTx, deps: PlanDueDeps): Promise<Look> {
  const marks = await tx.schedules.marks(names);
  const now = await tx.now();
  const { due, passed, waiting } = decide(marks, now, deps);
  const waits = new Map(waiting.map(({ schedule, ...wait }) => [schedule, wait]));
  const found = new Set([...due, ...passed].map(({ schedule }) => schedule));
  for (const { name, waiting: before } of marks) if (!isSameWait(waits.get(name), before)) found.add(name);
  for (const { name, doneUntil } of marks) if (isAhead(doneUntil, now)) found.add(name);
  const seen = new Set(marks.map(({ name }) => name));
  return {
    touched: names.filter((name) => found.has(name) || !seen.has(name)),
    stillWaiting: waiting.filter(({ schedule }) => !found.has(schedule)),
  };
}

/** By more than clocks are corrected by while they run. */
const isAhead = (doneUntil: Date, now: Date): boolean => doneUntil.getTime() - now.getTime() > 1_000;

function decide(marks: readonly ScheduleMark[], now: Date, { installation }: PlanDueDeps): DueDecision {
  const next = (name: string, after: Date) => nextSlot(installation.schedule(name), after);
  return decideDue(
    marks.map((mark) => toState(mark, installation)),
    next,
    now,
  );
}

/** Decides and settles under the schedules' locks, in a transaction that goes on. */
export async function planNow(names: readonly string[], tx: CatalogTx, deps: PlanDueDeps): Promise<Planned> {
  const locked = await tx.schedules.lock(names);
  const setBack = await tx.schedules.setBack(names);
  for (const mark of setBack) await auditSetBack(tx, mark, deps.events.source);
  const marks = setBack.length === 0 ? locked : await tx.schedules.marks(names);
  const decision = decide(marks, await tx.now(), deps);
  for (const slot of decision.due) await request(slot, tx, deps);
  const passedSlots = toPassedSlots(decision.passed);
  for (const slots of passedSlots) await auditPassed(tx, slots, deps.events.source);
  const newlyWaiting = await remember(decision.waiting, marks, tx);
  for (const slot of newlyWaiting) await auditWaiting(tx, slot, deps.events.source);
  const settled = [...decision.due, ...passedSlots.map(({ schedule, lastSlotAt: slotAt }) => ({ schedule, slotAt }))];
  for (const { schedule, slotAt } of settled) await tx.schedules.advance(schedule, slotAt);
  return { ...decision, passedSlots, newlyWaiting };
}

const toState = (mark: ScheduleMark, installation: Installation): ScheduleState => ({
  ...toScheduleRules(mark.name, installation.schedule(mark.name)),
  doneUntil: mark.doneUntil,
  isPaused: mark.pausedAt !== null,
  isPreviousOpen: isRunOpen(mark.lastRun),
  waiting: mark.waiting,
});

async function request(
  { schedule, slotAt }: DueSlot,
  tx: CatalogTx,
  { events, installation }: Pick<PlanDueDeps, 'events' | 'installation'>,
): Promise<void> {
  const config = installation.schedule(schedule);
  const { dataset, method } = config;
  const slot = slotAt.toISOString();
  const id = toUuidV5('slot', schedule, slot);
  const origin = { id, correlationid: id };
  if (config.asks === 'drill') {
    const { target, profile, at, destination } = config;
    const wish = { dataset, target, profile, method, ...(at && { at }), ...(destination && { destination }) };
    await events.write(tx, DrillRequested, { ...wish, drill: schedule, slotAt: slot }, origin);
  } else if (config.asks === 'point') {
    await events.write(tx, PointRequested, { point: schedule, slotAt: slot }, origin);
  } else {
    const { deadline } = config;
    const deadlineAt = deadline === undefined ? undefined : toInstantAfter(await tx.now(), deadline).toISOString();
    const order = { dataset, method, ...(deadlineAt && { deadlineAt }) };
    await events.write(tx, BackupRequested, { ...order, schedule, slotAt: slot }, origin);
  }
  await tx.schedules.record(schedule, { slotAt, requestId: id, runId: toRunId(events.source, id) });
}

/** Keeps what waits now, and gives what did not wait like this before: each wait is said once. */
async function remember(
  waiting: readonly WaitingSlot[],
  marks: readonly ScheduleMark[],
  tx: CatalogTx,
): Promise<WaitingSlot[]> {
  const changed: WaitingSlot[] = [];
  for (const { name, waiting: before } of marks) {
    const found = waiting.find(({ schedule }) => schedule === name);
    if (isSameWait(found, before)) continue;
    await tx.schedules.setWaiting(name, found ?? null);
    if (found !== undefined) changed.push(found);
  }
  return changed;
}

const isSameWait = (now: Wait | undefined, before: Wait | null): boolean =>
  now?.reason === before?.reason &&
  now?.slotAt.getTime() === before?.slotAt.getTime() &&
  now?.until?.getTime() === before?.until?.getTime();
