import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { type DueDecision, type DueSlot, decideDue } from '#common/domain/schedule.policy.js';
import type { Facts } from '#common/service/facts.js';
import { type Installation, known } from '#common/service/installation.js';
import type { Logger } from '#common/telemetry/logger.js';
import { nextSlot } from './cron.js';

export interface PlanDueDeps {
  readonly catalog: Catalog;
  readonly facts: Facts;
  readonly installation: Installation;
  readonly logger: Logger;
}

/**
 * One look at the schedules: writes a request for every slot that is due, and moves the marks, in one transaction.
 * The request's id derives from schedule and slot, so that neither two schedulers nor a repeated look make two backups.
 */
export async function planDue({ catalog, facts, installation, logger }: PlanDueDeps): Promise<DueDecision> {
  const { schedules, scheduler } = installation.config;
  const names = Object.keys(schedules);
  if (names.length === 0) return { due: [], passed: [] };
  const decision = await catalog.transaction(async (tx) => {
    const marks = await tx.schedules.lock(names);
    const states = marks.map(({ name, doneUntil }) => ({
      ...{ name, doneUntil, missed: known(schedules, name, 'schedule').missed },
      isPaused: scheduler.paused.includes(name),
    }));
    const next = (name: string, after: Date) => nextSlot(name, known(schedules, name, 'schedule'), after);
    const decided = decideDue(states, next, await tx.now());
    for (const slot of decided.due) await request(slot, tx, { facts, installation });
    for (const { schedule, slotAt } of [...decided.passed, ...decided.due])
      await tx.schedules.advance(schedule, slotAt);
    return decided;
  });
  for (const { slotAt, ...slot } of decision.due) logger.info({ ...slot, slotAt }, 'backup requested by schedule');
  for (const { slotAt, ...slot } of decision.passed) logger.warn({ ...slot, slotAt }, 'slot passed over');
  return decision;
}

async function request(
  { schedule, slotAt }: DueSlot,
  tx: CatalogTx,
  { facts, installation }: Pick<PlanDueDeps, 'facts' | 'installation'>,
): Promise<void> {
  const { dataset, method } = known(installation.config.schedules, schedule, 'schedule');
  const slot = slotAt.toISOString();
  const id = toUuidV5('slot', schedule, slot);
  await facts.write(tx, BackupRequested, { dataset, method, schedule, slotAt: slot }, { id, correlationid: id });
}
