import { Exit } from '#common/errors/exit.js';
import { listHolds } from '#common/repository/holds.js';
import { backupArgument, locateBackup } from '../backup-ref.js';
import { toHoldTable, toHoldView } from '../output/hold-text.js';
import type { Verb } from '../verb.js';

export const holdList: Verb = {
  path: ['hold', 'list'],
  summary: 'list what holds a backup: people, and work that reads it',
  argument: backupArgument,
  options: [],
  examples: ['hold list shop@latest'],
  async run(context, _, reference) {
    const { dataset, backupId, repository } = await locateBackup(reference, context);
    const holds = await listHolds(repository, { dataset, backupId }, { signal: context.signal });
    const views = holds.map((hold) => toHoldView(hold, backupId));
    return { document: { holds: views }, text: toHoldTable(views), exit: Exit.done };
  },
};
