import { parseDuration } from '#common/domain/duration.js';
import { Exit } from '#common/errors/exit.js';
import { holdBackup } from '#common/operations/hold-backup.js';
import { backupArgument, locateBackup } from '../backup-ref.js';
import { operatorName } from '../operator-name.js';
import { requiredText, text } from '../options.js';
import { toHoldView } from '../output/hold-text.js';
import type { Verb } from '../verb.js';

export const holdPlace: Verb = {
  path: ['hold', 'place'],
  summary: 'keep a backup whatever retention says, until the hold is released or its time is over',
  argument: backupArgument,
  options: [
    ['--name <name>', 'names the hold, for its release; one of that name is made longer, never shorter'],
    ['--reason <text>', 'for those who wonder later'],
    ['--for <duration>', 'how long: 90d, 1y; default: until it is released'],
  ],
  examples: ["hold place shop@latest --name audit-2026 --reason 'asked for by the auditors' --for 1y"],
  async run(context, options, reference) {
    const { signal } = context;
    const lives = text(options, 'for');
    const name = requiredText(options, 'name');
    const livesMs = lives === undefined ? null : parseDuration(lives);
    const { dataset, backupId, repository } = await locateBackup(reference, context);
    const what = { dataset, backupId, name, reason: text(options, 'reason') ?? '', by: operatorName(), livesMs };
    const hold = await holdBackup(repository, what, signal);
    const view = toHoldView(hold, backupId);
    const until = view.expiresAt === null ? 'until it is released' : `until ${view.expiresAt}`;
    return {
      document: view,
      text: `backup ${backupId} of ${dataset} is held as "${hold.name}" ${until}`,
      exit: Exit.done,
    };
  },
};
