import { userInfo } from 'node:os';
import { parseDuration } from '#common/domain/duration.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { placeHold, releaseHold } from '#common/repository/holds.js';
import { findBackup } from '#common/repository/read-backups.js';
import { loadManifest } from '../backup-ref.js';
import { requiredText, text } from '../options.js';
import { toHoldView } from '../output/hold-text.js';
import type { Verb } from '../verb.js';

export const holdPlace: Verb = {
  path: ['hold', 'place'],
  summary: 'keep a backup whatever retention says, until the hold is released or its time is over',
  argument: ['<backup>', 'an id, or DATASET@latest'],
  options: [
    ['--name <name>', 'names the hold, for its release'],
    ['--reason <text>', 'for those who wonder later'],
    ['--for <duration>', 'how long: 90d, 1y; default: until it is released'],
  ],
  examples: ["hold place shop@latest --name audit-2026 --reason 'asked for by the auditors' --for 1y"],
  async run(context, options, reference) {
    const { signal } = context;
    const lives = text(options, 'for');
    const name = requiredText(options, 'name');
    const livesMs = lives === undefined ? null : parseDuration(lives);
    const { dataset, backupId } = await loadManifest(reference, context);
    const repository = context.installation.primaryRepository(dataset);
    const what = { dataset, backupId, name, reason: text(options, 'reason') ?? '', by: userInfo().username, livesMs };
    const hold = await placeHold(repository, what, { signal });
    // It may have been deleted between our look and the hold.
    if ((await findBackup(repository, dataset, backupId, { signal })) === undefined) {
      await releaseHold(repository, what, { signal });
      throw new AppError('backup.missing', `backup ${backupId} of ${dataset} was deleted meanwhile`);
    }
    const view = toHoldView(hold, backupId);
    const until = view.expiresAt === null ? 'until it is released' : `until ${view.expiresAt}`;
    return {
      document: view,
      text: `backup ${backupId} of ${dataset} is held as "${hold.name}" ${until}`,
      exit: Exit.done,
    };
  },
};
