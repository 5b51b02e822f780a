import type { ScheduleView } from '#common/contracts/api-views.js';
import { Exit } from '#common/errors/exit.js';
import { toScheduleView } from '#common/service/views/schedule-view.js';
import { isOutOfReach } from '../api-client.js';
import { flag, wholeNumber } from '../options.js';
import { toScheduleTable } from '../output/schedule-text.js';
import type { Verb, VerbContext } from '../verb.js';

const DEFAULT_COUNT = 3;

export const schedulesList: Verb = {
  path: ['schedules', 'list'],
  summary: 'show what is due next, in local time and UTC; from the configuration when the API does not answer',
  options: [
    ['--count <n>', 'so many of the next slots of each schedule', String(DEFAULT_COUNT)],
    ['--local', 'read the configuration only: next slots, not what is paused or has run'],
  ],
  examples: ['schedules list', 'schedules list --count 10 --json', 'schedules list --local'],
  async run(context, options) {
    const count = wholeNumber(options, 'count') ?? DEFAULT_COUNT;
    const schedules = flag(options, 'local') ? fromConfiguration(count, context) : await fromApi(count, context);
    return { document: { schedules }, text: toScheduleTable(schedules), exit: Exit.done };
  },
};

async function fromApi(count: number, context: VerbContext): Promise<readonly ScheduleView[]> {
  try {
    return (await context.api.schedules({ count })).schedules;
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    context.output.note(`${error.message}; reading the configuration instead: what is paused or has run is not known`);
    return fromConfiguration(count, context);
  }
}

const fromConfiguration = (count: number, { installation }: VerbContext): readonly ScheduleView[] =>
  installation
    .scheduleNames()
    .map((name) => toScheduleView(name, installation.schedule(name), { now: new Date(), count, mark: undefined }));
