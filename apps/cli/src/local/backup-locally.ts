import { Exit } from '#common/errors/exit.js';
import { toBackupView } from '#common/service/views/backup-view.js';
import { toWarningLines } from '../output/restore-notes.js';
import { toSize } from '../output/sizes.js';
import type { VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';
import { type LocalBackup, takeLocally } from './take-locally.js';

/** Takes a backup in this process, with neither bus nor catalog. The bus position is left out, and the result says so. */
export async function backupLocally(backup: LocalBackup, context: VerbContext): Promise<VerbResult> {
  const { name } = backup;
  const { manifest, warnings } = await takeLocally(backup, context);
  const repository = context.installation.primaryRepository(name);
  const view = toBackupView(manifest, repository.name);
  const text = `backup ${view.id} of ${name}: ${toSize(view.sizeBytes)} in ${repository.location}; no position on the bus was taken`;
  return { document: { ...view, warnings }, text: [text, ...toWarningLines(warnings)].join('\n'), exit: Exit.done };
}
