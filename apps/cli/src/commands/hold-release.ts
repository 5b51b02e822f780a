import { Exit } from '#common/errors/exit.js';
import { releaseHold } from '#common/repository/holds.js';
import { backupArgument, locateBackup } from '../backup-ref.js';
import { requiredText } from '../options.js';
import type { Verb } from '../verb.js';

export const holdRelease: Verb = {
  path: ['hold', 'release'],
  summary: 'take a hold away: retention alone decides again',
  argument: backupArgument,
  options: [['--name <name>', 'as it was placed']],
  examples: ['hold release 01987654-3210-7fff-bfff-ffffffffffff --name audit-2026'],
  async run(context, options, reference) {
    const name = requiredText(options, 'name');
    const { dataset, backupId, repository } = await locateBackup(reference, context);
    await releaseHold(repository, { dataset, backupId, name }, { signal: context.signal });
    const document = { dataset, backupId, name };
    return { document, text: `backup ${backupId} of ${dataset} is not held as "${name}" any more`, exit: Exit.done };
  },
};
