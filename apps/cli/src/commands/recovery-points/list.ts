import { Exit } from '#common/errors/exit.js';
import { listPoints } from '#common/service/points/stored-point.js';
import { text } from '../../options.js';
import { toPointTable } from '../../output/point-text.js';
import type { Verb } from '../../verb.js';

/** Repositories hold them, so that the answer is the same with the catalog gone. */
export const localOption = ['--local', 'as without it: recovery points are always read from the repositories'] as const;

export const recoveryPointsList: Verb = {
  path: ['recovery-points', 'list'],
  summary:
    'list the recovery points that were taken, newest first: their moment, skew, and whether all members are there',
  options: [['--point <name>', 'only of this one'], localOption],
  examples: ['recovery-points list', 'recovery-points list --point platform --json'],
  async run({ installation, signal }, options) {
    const only = text(options, 'point');
    const names = only === undefined ? Object.keys(installation.config.points) : [only];
    const { points, unread } = await listPoints(installation, names, signal);
    const lines = unread.map(({ repository, message }) => `repository ${repository} not read: ${message}`);
    return {
      document: { points, unread },
      text: [toPointTable(points), ...lines].join('\n'),
      exit: unread.length === 0 ? Exit.done : Exit.unreachable,
    };
  },
};
