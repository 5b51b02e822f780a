import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '#common/catalog/catalog.js';
import type { BackupId } from '#common/domain/ids.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import {
  type DeletedBackup,
  deleteBackup,
  type NamedBackup,
  previewDeletion,
  withdrawDeletionOf,
} from '#common/service/retention/delete-backup.js';
import { findLocated } from '../backup-ref.js';
import { withCatalogAtHand } from '../local/catalog-at-hand.js';
import { eventWriterOf } from '../local/event-writer-of.js';
import { operatorName } from '../operator-name.js';
import { flag, text } from '../options.js';
import { toDeletedText, toDeletionText } from '../output/deletion-text.js';
import type { Options, Verb, VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';

const WITHOUT_IT =
  'without the catalog: runs that work with the backup are seen by their holds alone, and the catalog goes on naming it';

export const backupDelete: Verb = {
  path: ['backup', 'delete'],
  summary:
    'delete one backup whatever the rules say, also while backups fail; without --yes only say what would happen',
  argument: ['<backup>', 'an id'],
  options: [
    ['--yes', 'do it: mark it now; once it stood for a quarter of an hour, a sweep or --wait deletes it'],
    ['--even-last-good <id>', 'its id a second time: it goes also when no other good backup is left'],
    ['--wait', 'stay until it is deleted'],
    ['--withdraw', 'keep it after all, as long as nothing of it is deleted'],
    ['--local', 'work on the repository alone; the catalog goes on naming what is deleted'],
  ],
  examples: [
    'backup delete 01987654-3210-7fff-bfff-ffffffffffff',
    'backup delete 01987654-3210-7fff-bfff-ffffffffffff --yes --wait',
    'backup delete 01987654-3210-7fff-bfff-ffffffffffff --withdraw',
  ],
  async run(context, options, id) {
    const evenLastGood = parseSecondName(id, options);
    const request = { by: operatorName(), evenLastGood };
    const [isSure, isWithdrawn] = [flag(options, 'yes'), flag(options, 'withdraw')];
    const wish = { isLocal: flag(options, 'local'), mustFollow: isSure || isWithdrawn, withoutIt: WITHOUT_IT };
    return withCatalogAtHand(wish, context, async (catalog) => {
      const { installation, signal } = context;
      const deps = { installation, catalog, events: eventWriterOf(installation), now: () => new Date() };
      const named = await locate(id, catalog, context);
      if (isWithdrawn) {
        await withdrawDeletionOf(named, request.by, deps, signal);
        return { document: named, text: `backup ${id} of ${named.dataset} is not deleted`, exit: Exit.done };
      }
      if (!isSure) {
        const preview = await previewDeletion(named, request, deps, signal);
        const exit = preview.refusals.length === 0 ? Exit.done : Exit.refused;
        return { document: preview, text: toDeletionText(preview), exit };
      }
      const remove = () => deleteBackup(named, request, deps, signal);
      return toResult(await (flag(options, 'wait') ? untilDeleted(remove, context) : remove()));
    });
  },
};

/** Throws: request.invalid. */
function parseSecondName(id: string, options: Options): boolean {
  const hint = 'Name the backup by its id; `holdfast backup list` shows them.';
  if (!isUuid(id)) throw new AppError('request.invalid', `"${id}" is not the id of a backup`, {}, { hint });
  const again = text(options, 'evenLastGood');
  if (again !== undefined && again !== id)
    throw new AppError('request.invalid', `--even-last-good names ${again}, and not ${id}`);
  return again !== undefined;
}

/** Where it lies; what only the catalog still names lies in its dataset's repository. Throws: backup.missing; repository.*. */
async function locate(id: string, catalog: Catalog | undefined, context: VerbContext): Promise<NamedBackup> {
  const found = await findLocated(id, context);
  if (found !== undefined) return { dataset: found.dataset, backupId: id };
  const known = await catalog?.transaction((tx) => tx.backups.find(id as BackupId));
  if (known?.state === 'completed') return { dataset: known.dataset, backupId: id };
  throw new AppError('backup.missing', `no repository holds a backup "${id}", and no catalog names one`);
}

/** Steps until it is gone, or stays for a reason. */
async function untilDeleted(
  remove: () => Promise<DeletedBackup>,
  { output, signal }: VerbContext,
): Promise<DeletedBackup> {
  const startedAt = performance.now();
  let last: DeletedBackup | undefined;
  for (;;) {
    const done = await remove().catch((error: unknown) => toEarlier(error, last));
    if (done.notBefore === null) return done;
    last = done;
    output.note(`marked; a hold saves it until ${done.notBefore}`);
    const until = new Date(done.notBefore).getTime();
    // The storage's clock decides: one that is behind ours is asked again.
    do {
      output.progress('waiting until it may be deleted', null, performance.now() - startedAt);
      await sleep(Math.min(5_000, Math.max(1_000, until - Date.now())), undefined, { signal });
    } while (Date.now() < until);
  }
}

/** A sweep that works on the dataset at the moment may do it for us, or have done it. */
function toEarlier(error: unknown, last: DeletedBackup | undefined): DeletedBackup {
  const code = error instanceof AppError ? error.code : undefined;
  if (last !== undefined && code === 'backup.missing') return { ...last, outcome: 'deleted', notBefore: null };
  if (last !== undefined && code === 'retention.busy') return last;
  throw error;
}

function toResult(done: DeletedBackup): VerbResult {
  const isWell = ['deleted', 'marked', 'waiting'].includes(done.outcome);
  const exit = isWell ? Exit.done : done.outcome === 'failed' ? Exit.failed : Exit.refused;
  return { document: done, text: toDeletedText(done), exit };
}
