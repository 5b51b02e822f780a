import { Exit } from '#common/errors/exit.js';
import { toChosenText } from '../../output/point-text.js';
import { findPoint, pointOptions } from '../../plans/plan-point.js';
import type { Verb } from '../../verb.js';
import { localOption } from './list.js';

export const recoveryPointsShow: Verb = {
  path: ['recovery-points', 'show'],
  summary:
    'show from which backups all members come back to one moment, the newest or a wanted one; names the nearest when it cannot be met',
  argument: ['<point>', 'a recovery point of the configuration'],
  options: [...pointOptions, localOption],
  examples: [
    'recovery-points show platform',
    'recovery-points show platform --at 2026-03-01T02:30:00Z',
    'recovery-points show platform --recovery-point 01987654-3210-7fff-bfff-ffffffffffff --json',
  ],
  async run(context, options, point) {
    const document = await findPoint(point, options, context);
    return { document, text: toChosenText(document), exit: Exit.done };
  },
};
