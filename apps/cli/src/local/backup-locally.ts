import { Exit } from '#common/errors/exit.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { holdfastVersion } from '#common/service/version.js';
import { toBackupView } from '#common/service/views/backup-view.js';
import { toWarningLines } from '../output/restore-notes.js';
import { toSize } from '../output/sizes.js';
import type { VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';
import { newLocalId, newNonce } from './local-identity.js';

/** Takes a backup in this process, with neither bus nor catalog. The bus position is left out, and the result says so. */
export async function backupLocally(
  { name, method }: { readonly name: string; readonly method: string },
  { installation, output, signal }: VerbContext,
): Promise<VerbResult> {
  const dataset = installation.dataset(name);
  const repository = installation.primaryRepository(name);
  const startedAt = performance.now();
  const [backupId, runId] = [newLocalId(), newLocalId()];
  const warnings: string[] = [];
  const manifest = await takeBackup(
    { dataset, backupId, runId, attempt: 1, nonce: newNonce(), purpose: 'regular', method },
    {
      engine: installation.engineOf(name),
      repository,
      clock: () => new Date(),
      holdfastVersion,
      workDirectory: installation.config.executor.workDirectory,
      onWarnings: (told) => warnings.push(...told),
      onProgress: (progress) => output.progress(`backup ${name}`, progress, performance.now() - startedAt),
    },
    signal,
  );
  const view = toBackupView(manifest, repository.name);
  const text = `backup ${view.id} of ${name}: ${toSize(view.sizeBytes)} in ${repository.location}; no position on the bus was taken`;
  return { document: { ...view, warnings }, text: [text, ...toWarningLines(warnings)].join('\n'), exit: Exit.done };
}
