import { assertNotRefused } from '#common/errors/refusals.js';
import type { JournalEntry } from './journal.js';
import { readJournal } from './journal.js';
import type { PlannedPartition, ReplayPlan } from './plan.js';
import { republish } from './republish.js';
import type { ReplayDeps } from './request.js';
import { resetGroup } from './reset.js';
import { type ReplayResult, toResult } from './result.js';

/**
 * Does what the plan says. Run again with the same replay id, also after a crash or with a newer plan, it goes on where it stopped
 * and keeps the range that it froze first.
 * Throws: the plan's refusals, unless the replay had begun; replay.*, bus.unavailable; the signal's reason.
 */
export async function runReplay(plan: ReplayPlan, deps: ReplayDeps, signal: AbortSignal): Promise<ReplayResult> {
  const perGroup = [...Map.groupBy(plan.partitions, ({ group }) => group).values()];
  if (!(await hasBegun(plan, perGroup, deps))) assertNotRefused(plan.refusals);
  if (plan.mode === 'republish') return toResult(await republish(plan, deps, signal));
  const entries: JournalEntry[] = [];
  for (const planned of perGroup) entries.push(...(await resetGroup(plan.replayId, planned, deps, signal)));
  return toResult(entries);
}

async function hasBegun(
  { replayId }: ReplayPlan,
  perGroup: readonly (readonly PlannedPartition[])[],
  { bus }: ReplayDeps,
): Promise<boolean> {
  const journals = await Promise.all(perGroup.map((planned) => readJournal(bus.cluster, replayId, planned)));
  return journals.some((entries) => entries.length > 0);
}
