import type { Manifest } from '#common/contracts/manifest.js';
import type { AttemptIdentity } from '#common/engines/engine.js';
import type { Remember } from '#common/engines/findings.js';
import { Exit } from '#common/errors/exit.js';
import { toShortList } from '#common/errors/printable.js';
import { type RestoreOutcome, restoreBackup } from '#common/operations/restore/restore-backup.js';
import { given } from '../options.js';
import { toRestoreNotes } from '../output/restore-notes.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';
import { newLocalId, UNHELD } from './local-identity.js';
import { findSafetyBackup, takeSafetyBackup } from './safety-backup-locally.js';
import { verifyLocally } from './verify-locally.js';

/** One try at a restore, for callers that try again after a crash: the restore keeps its run id, and what earlier attempts noted. */
export interface RestoreAttempt {
  readonly identity: AttemptIdentity;
  /** The one safety backup of all attempts. */
  readonly safetyBackupId: string;
  /** Default: as long as the process lives. */
  readonly remember?: Remember;
}

export interface RestoreDocument extends RestoreOutcome, Pick<Manifest, 'backupId' | 'kind' | 'method'> {
  readonly target: string;
  readonly destination: string;
  readonly strategy: string;
  /** Absent: the whole backup. */
  readonly parts?: readonly string[] | undefined;
}

/** Restores in this process, with neither bus nor catalog; with a profile it verifies as well. */
export async function restoreLocally(wish: RestoreArguments, context: VerbContext): Promise<VerbResult> {
  const { manifest, targetName, destination, profile } = wish;
  const attempt = { identity: { runId: newLocalId(), attempt: 1 }, safetyBackupId: newLocalId() };
  const restore = await performRestore(wish, attempt, context);
  const text = toRestoreText(restore);
  if (profile === undefined) return { document: { restore }, text, exit: Exit.done };
  context.output.part(text);
  const verdict = await verifyLocally({ manifest, target: targetName, destination, profile }, context);
  return { ...verdict, document: { restore, verification: verdict.document } };
}

/** Throws: what `restoreBackup` throws. */
export async function performRestore(
  wish: RestoreArguments,
  { identity, safetyBackupId, remember }: RestoreAttempt,
  context: VerbContext,
): Promise<RestoreDocument> {
  const { installation, output, signal } = context;
  const { manifest, targetName, destination, strategy, goal, parts } = wish;
  const target = installation.target(targetName);
  const startedAt = performance.now();
  const outcome = await restoreBackup(
    { manifest, target, destination, strategy, identity, goal, parts },
    {
      repository: installation.primaryRepository(manifest.dataset),
      engine: installation.engineOf(manifest.dataset),
      targetKind: installation.targetKind(targetName),
      dataset: installation.dataset(manifest.dataset),
      workDirectory: installation.config.executor.workDirectory,
      takeSafetyBackup: wish.safetyBackup ? () => takeSafetyBackup(wish, safetyBackupId, context) : undefined,
      isSafetyBackupTaken:
        identity.attempt > 1 && (await findSafetyBackup(manifest.dataset, safetyBackupId, context)) !== undefined,
      remember,
      onProgress: (progress) => output.progress(`restore ${destination}`, progress, performance.now() - startedAt),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
    },
    signal,
  );
  const { backupId, kind, method } = manifest;
  return { backupId, kind, method, target: targetName, destination, strategy, ...given({ parts }), ...outcome };
}

export function toRestoreText(restore: RestoreDocument): string {
  const { backupId, destination, target, parts } = restore;
  const what = parts === undefined ? '' : `${toShortList(parts)} of `;
  const said = `restored ${what}backup ${backupId} to "${destination}" of target ${target}`;
  return [said, ...toRestoreNotes(restore)].join('\n');
}
