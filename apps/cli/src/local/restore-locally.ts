import { Exit } from '#common/errors/exit.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { toRestoreNotes } from '../output/restore-notes.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';
import { newLocalId, UNHELD } from './local-identity.js';
import { takeSafetyBackup } from './safety-backup-locally.js';
import { verifyLocally } from './verify-locally.js';

/** Restores in this process, with neither bus nor catalog; with a profile it verifies as well. */
export async function restoreLocally(wish: RestoreArguments, context: VerbContext): Promise<VerbResult> {
  const { installation, output, signal } = context;
  const { manifest, targetName, destination, strategy, profile, goal } = wish;
  const target = installation.target(targetName);
  const startedAt = performance.now();
  const runId = newLocalId();
  const outcome = await restoreBackup(
    { manifest, target, destination, strategy, identity: { runId, attempt: 1 }, goal },
    {
      repository: installation.primaryRepository(manifest.dataset),
      engine: installation.engineOf(manifest.dataset),
      targetKind: installation.targetKind(targetName),
      dataset: installation.dataset(manifest.dataset),
      workDirectory: installation.config.executor.workDirectory,
      takeSafetyBackup: wish.safetyBackup ? () => takeSafetyBackup(wish, context) : undefined,
      onProgress: (progress) => output.progress(`restore ${destination}`, progress, performance.now() - startedAt),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
    },
    signal,
  );
  const { backupId, kind, method } = manifest;
  const restore = { backupId, kind, method, target: targetName, destination, strategy, ...outcome };
  const said = `restored backup ${manifest.backupId} to "${destination}" of target ${targetName}`;
  const text = [said, ...toRestoreNotes(restore)].join('\n');
  if (profile === undefined) return { document: { restore }, text, exit: Exit.done };
  output.part(text);
  const verdict = await verifyLocally({ manifest, target: targetName, destination, profile }, context);
  return { ...verdict, document: { restore, verification: verdict.document } };
}
