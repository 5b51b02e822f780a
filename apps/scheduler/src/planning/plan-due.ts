import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ScheduleMark } from '#common/catalog/stores/schedule.store.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { toRunId, toUuidV5 } from '#common/domain/ids.js';
import {
  type DueDecision,
  type DueSlot,
  decideDue,
  type ScheduleState,
  type WaitingSlot,
} from '#common/domain/schedule.policy.js';
import type { Facts } from '#common/service/facts.js';
import { type Installation, known } from '#common/service/installation.js';
import { isRunOpen } from '#common/service/schedule-view.js';
import { nextSlot, toScheduleRules } from '#common/service/timetable.js';
import type { Logger } from '#common/telemetry/logger.js';
import { auditPassed, auditWaiting, type PassedSlots, toPassedSlots } from './passed-slots.js';

export interface PlanDueDeps {
  readonly catalog: Catalog;
  readonly facts: Facts;
  readonly installation: Installation;
  readonly logger: Logger;
}

interface Planned extends DueDecision {
  readonly passedSlots: readonly PassedSlots[];
  /** What has not been said before. */
  readonly newlyWaiting: readonly WaitingSlot[];
}

/**
 * One look at the schedules: writes a request for every slot that is due and an audit row for what is passed over or has to wait,
 * and moves the marks, in one transaction. The request's id derives from schedule and slot, so that neither two schedulers nor a
 * repeated look make two backups.
 */
export async function planDue(deps: PlanDueDeps): Promise<DueDecision> {
  const { catalog, logger } = deps;
  const names = Object.keys(deps.installation.config.schedules);
  if (names.length === 0) return { due: [], passed: [], waiting: [] };
  const { passedSlots, newlyWaiting, ...decision } = await catalog.transaction((tx) => planNow(names, tx, deps));
  for (const slot of decision.due) logger.info(slot, 'backup requested by schedule');
  for (const slots of passedSlots) logger.warn(slots, 'slot passed over');
  for (const slot of newlyWaiting) logger.warn(slot, 'slot has to wait');
  return decision;
}

/** The same in a transaction that goes on. */
export async function planNow(names: readonly string[], tx: CatalogTx, deps: PlanDueDeps): Promise<Planned> {
  const { schedules } = deps.installation.config;
  const marks = await tx.schedules.lock(names);
  const states = marks.map((mark) => toState(mark, deps.installation));
  const next = (name: string, after: Date) => nextSlot(known(schedules, name, 'schedule'), after);
  const decision = decideDue(states, next, await tx.now());
  for (const slot of decision.due) await request(slot, tx, deps);
  const passedSlots = toPassedSlots(decision.passed);
  for (const slots of passedSlots) await auditPassed(tx, slots, deps.facts.source);
  const newlyWaiting = await remember(decision.waiting, marks, tx);
  for (const slot of newlyWaiting) await auditWaiting(tx, slot, deps.facts.source);
  const settled = [...decision.due, ...passedSlots.map(({ schedule, lastSlotAt: slotAt }) => ({ schedule, slotAt }))];
  for (const { schedule, slotAt } of settled) await tx.schedules.advance(schedule, slotAt);
  return { ...decision, passedSlots, newlyWaiting };
}

const toState = (mark: ScheduleMark, { config }: Installation): ScheduleState => ({
  ...toScheduleRules(mark.name, known(config.schedules, mark.name, 'schedule')),
  doneUntil: mark.doneUntil,
  isPaused: mark.pausedAt !== null,
  isPreviousOpen: isRunOpen(mark.lastRun),
  waiting: mark.waiting,
});

async function request(
  { schedule, slotAt }: DueSlot,
  tx: CatalogTx,
  { facts, installation }: Pick<PlanDueDeps, 'facts' | 'installation'>,
): Promise<void> {
  const { dataset, method } = known(installation.config.schedules, schedule, 'schedule');
  const slot = slotAt.toISOString();
  const id = toUuidV5('slot', schedule, slot);
  await facts.write(tx, BackupRequested, { dataset, method, schedule, slotAt: slot }, { id, correlationid: id });
  await tx.schedules.record(schedule, { slotAt, requestId: id, runId: toRunId(facts.source, id) });
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
    const now = found === undefined ? null : { slotAt: found.slotAt, reason: found.reason, until: found.until };
    if (JSON.stringify(now) === JSON.stringify(before)) continue;
    await tx.schedules.setWaiting(name, now);
    if (found !== undefined) changed.push(found);
  }
  return changed;
}
