import { z } from 'zod';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ScheduleView } from '#common/contracts/api-views.js';
import type { Service } from '#common/service/open-service.js';
import { toScheduleView } from '#common/service/views/schedule-view.js';
import { toSubject } from '../planning/passed-slots.js';
import { planNow } from '../planning/plan-due.js';

export type ScheduleDeps = Pick<Service, 'catalog' | 'events' | 'installation' | 'logger'>;

const ScheduleQuery = z.strictObject({ count: z.coerce.number().int().min(1).max(100).default(3) });
const PauseBody = z.strictObject({ reason: z.string().min(1).max(500).optional() });

/** Every schedule of the configuration, with its next slots and what is true of it. Throws: ZodError. */
export function listSchedules(query: unknown, { catalog, installation }: ScheduleDeps): Promise<ScheduleView[]> {
  const { count } = ScheduleQuery.parse(query);
  const schedules = installation.scheduleNames();
  return catalog.transaction(async (tx) => {
    const now = await tx.now();
    const marks = await tx.schedules.marks(schedules);
    return schedules.map((name) =>
      toScheduleView(name, installation.schedule(name), { now, count, mark: marks.find((mark) => mark.name === name) }),
    );
  });
}

/** From now on the schedule's slots are passed over. Paused before: the first reason stays. Throws: request.refused, ZodError. */
export function pauseSchedule(name: string, body: unknown, deps: ScheduleDeps): Promise<ScheduleView> {
  const { reason } = PauseBody.parse(body ?? {});
  return change(name, deps, 'schedule.paused', async (tx) => {
    const isChanged = await tx.schedules.pause(name, reason ?? null);
    return { isChanged, detail: reason === undefined ? {} : { reason } };
  });
}

/** The next slot is acted on again; those that were passed over are not made up for. Throws: request.refused. */
export function resumeSchedule(name: string, deps: ScheduleDeps): Promise<ScheduleView> {
  return change(name, deps, 'schedule.resumed', async (tx) => {
    // No scheduler may have looked since the pause: what came in it is passed over now, while it still is one.
    await planNow([name], tx, deps);
    return { isChanged: await tx.schedules.resume(name), detail: {} };
  });
}

async function change(
  name: string,
  { catalog, events, installation, logger }: ScheduleDeps,
  action: 'schedule.paused' | 'schedule.resumed',
  apply: (tx: CatalogTx) => Promise<{ isChanged: boolean; detail: { reason?: string } }>,
): Promise<ScheduleView> {
  const config = installation.schedule(name);
  const view = await catalog.transaction(async (tx) => {
    const { isChanged, detail } = await apply(tx);
    const outcome = isChanged ? 'accepted' : 'unchanged';
    await tx.audit.write({ actor: events.source, action, subject: toSubject(name), outcome, detail });
    const [mark] = await tx.schedules.marks([name]);
    return toScheduleView(name, config, { now: await tx.now(), count: 1, mark });
  });
  logger.info({ schedule: name, paused: view.state?.paused ?? null }, action);
  return view;
}
