import { Exit } from '#common/errors/exit.js';
import { toNextText } from '../output/schedule-text.js';
import type { Verb } from '../verb.js';

export const schedulesResume: Verb = {
  path: ['schedules', 'resume'],
  summary: 'act on the slots of a paused schedule again; what was passed over is not made up for',
  argument: ['<schedule>', 'a schedule of holdfast.yaml'],
  options: [],
  examples: ['schedules resume shop-nightly'],
  async run({ api }, _options, name) {
    const schedule = await api.resumeSchedule(name);
    const [next] = schedule.next;
    const text = `${name} runs again; next: ${next === undefined ? 'never' : toNextText(next)}`;
    return { document: schedule, text, exit: Exit.done };
  },
};
