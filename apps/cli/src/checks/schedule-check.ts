import { type Check, CheckWarning } from '#common/engines/check.js';
import { toScheduleView } from '#common/service/views/schedule-view.js';
import { toNextText } from '../output/schedule-text.js';
import type { VerbContext } from '../verb.js';

/** Two years of Mondays: what no slot of them can do, none will. */
const SLOTS = 100;

/** Will this schedule ever ask for a backup? */
export function scheduleCheck(
  name: string,
  { installation }: Pick<VerbContext, 'installation'>,
  now: () => Date = () => new Date(),
): Check {
  const run = async (): Promise<string> => {
    const config = installation.schedule(name);
    const { next, cron, zone } = toScheduleView(name, config, { now: now(), count: SLOTS, mark: undefined });
    if (next.length === 0) throw new CheckWarning(`no time fits its cron "${cron}", so it never asks for a backup`);
    const first = next.find(({ startsAt }) => startsAt !== null);
    if (first !== undefined) return `next at ${toNextText(first)} in ${zone}`;
    throw new CheckWarning(
      `its next ${next.length} slots all lie in a blackout and are passed over (inBlackout: skip)`,
    );
  };
  return { name: `schedule ${name}: next slot`, run };
}
