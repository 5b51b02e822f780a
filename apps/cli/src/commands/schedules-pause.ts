import { Exit } from '#common/errors/exit.js';
import { text } from '../options.js';
import type { Verb } from '../verb.js';

export const schedulesPause: Verb = {
  path: ['schedules', 'pause'],
  summary: 'pass over the slots of a schedule until it is resumed; a run that is under way goes on',
  argument: ['<schedule>', 'a schedule of holdfast.yaml'],
  options: [['--reason <text>', 'for the audit trail and the list of schedules']],
  examples: ["schedules pause shop-nightly --reason 'moving the database'"],
  async run({ api }, options, name) {
    const reason = text(options, 'reason');
    const schedule = await api.pauseSchedule(name, reason === undefined ? {} : { reason });
    const since = schedule.state?.paused?.since ?? '';
    return { document: schedule, text: `${name} is paused since ${since}`, exit: Exit.done };
  },
};
