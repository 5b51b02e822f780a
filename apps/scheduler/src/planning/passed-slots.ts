import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { SetBackMark } from '#common/catalog/stores/schedule.store.js';
import type { PassedSlot, PassReason, WaitingSlot } from '#common/domain/schedule.policy.js';

/** Slots of one schedule that were passed over together, for one reason: an outage of a week is a line, not thousands. */
export interface PassedSlots {
  readonly schedule: string;
  readonly reason: PassReason;
  readonly slots: number;
  readonly firstSlotAt: Date;
  readonly lastSlotAt: Date;
}

/** Slots come in their order, schedule by schedule. */
export function toPassedSlots(passed: readonly PassedSlot[]): PassedSlots[] {
  const groups: PassedSlots[] = [];
  for (const { schedule, reason, slotAt } of passed) {
    const last = groups.at(-1);
    if (last?.schedule === schedule && last.reason === reason)
      groups[groups.length - 1] = { ...last, slots: last.slots + 1, lastSlotAt: slotAt };
    else groups.push({ schedule, reason, slots: 1, firstSlotAt: slotAt, lastSlotAt: slotAt });
  }
  return groups;
}

/** The subject of all audit rows about a schedule. */
export const toSubject = (schedule: string): string => `schedule ${schedule}`;

export const auditPassed = (
  tx: CatalogTx,
  { schedule, reason, slots, firstSlotAt, lastSlotAt }: PassedSlots,
  actor: string,
): Promise<void> =>
  tx.audit.write({
    actor,
    action: 'slot.passed-over',
    subject: toSubject(schedule),
    outcome: reason,
    detail: { slots, firstSlotAt: firstSlotAt.toISOString(), lastSlotAt: lastSlotAt.toISOString() },
  });

export const auditWaiting = (
  tx: CatalogTx,
  { schedule, slotAt, reason, until }: WaitingSlot,
  actor: string,
): Promise<void> =>
  tx.audit.write({
    actor,
    action: 'slot.postponed',
    subject: toSubject(schedule),
    outcome: reason,
    detail: { slotAt: slotAt.toISOString(), until: until?.toISOString() ?? null },
  });

/** The catalog's clock was ahead when a scheduler looked after the schedule, and is right again. */
export const auditSetBack = (tx: CatalogTx, { name, doneUntil, now }: SetBackMark, actor: string): Promise<void> =>
  tx.audit.write({
    actor,
    action: 'schedule.set-back',
    subject: toSubject(name),
    outcome: 'clock',
    detail: { doneUntil: doneUntil.toISOString(), now: now.toISOString() },
  });
