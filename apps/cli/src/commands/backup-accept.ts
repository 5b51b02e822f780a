import { BackupAccepted } from '#common/contracts/events/backup-accepted.event.js';
import { type BackupId, toUuidV5 } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { acceptBackup } from '#common/repository/acceptance.js';
import { backupArgument, locateBackup } from '../backup-ref.js';
import { withCatalogAtHand } from '../local/catalog-at-hand.js';
import { eventWriterOf } from '../local/event-writer-of.js';
import { operatorName } from '../operator-name.js';
import { flag, requiredText } from '../options.js';
import type { Verb } from '../verb.js';

const WITHOUT_IT =
  'without the catalog: no event says that the backup was accepted, and its audit trail does not; a later sweep follows';

export const backupAccept: Verb = {
  path: ['backup', 'accept'],
  summary: 'say that a suspicious backup is as it should be, after a look: expiry of its dataset goes on',
  argument: backupArgument,
  options: [
    ['--reason <text>', 'why it is unlike those before it, for those who wonder later'],
    ['--local', 'write it beside the backup alone'],
  ],
  examples: ["backup accept shop@latest --reason 'orders of 2019 moved to the archive'"],
  async run(context, options, reference) {
    const { installation, signal } = context;
    const reason = requiredText(options, 'reason');
    const { dataset, backupId, repository, manifest } = await locateBackup(reference, context);
    const { suspicious } = manifest;
    if (suspicious.length === 0)
      throw new AppError(
        'request.refused',
        `backup ${backupId} of ${dataset} is not suspicious: there is nothing to accept`,
      );
    const wish = { isLocal: flag(options, 'local'), mustFollow: false, withoutIt: WITHOUT_IT };
    return withCatalogAtHand(wish, context, async (catalog) => {
      const acceptance = { by: operatorName(), reason, at: new Date().toISOString() };
      await acceptBackup(repository, { dataset, backupId }, { ...acceptance, signal });
      const events = eventWriterOf(installation);
      await catalog?.transaction(async (tx) => {
        const id = backupId as BackupId;
        await tx.suspicions.record(id, suspicious);
        if (!(await tx.suspicions.accept(id, acceptance))) return;
        const { by, at: acceptedAt } = acceptance;
        const detail = { dataset, reason };
        await tx.audit.write({ actor: by, action: 'backup.accept', subject: backupId, outcome: 'accepted', detail });
        const said = { dataset, backupId, repository: repository.name, by, reason, acceptedAt };
        await events.write(tx, BackupAccepted, said, { id: toUuidV5('accepted', backupId) });
      });
      const text = `backup ${backupId} of ${dataset} is accepted: ${suspicious.join('; ')}`;
      return { document: { dataset, backupId, suspicious, ...acceptance }, text, exit: Exit.done };
    });
  },
};
