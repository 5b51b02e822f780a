import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { Exit } from '#common/errors/exit.js';
import { restoreBackup } from '#common/operations/restore-backup.js';
import { toRestoreNotes } from '../output/restore-notes.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';
import { newLocalId, UNHELD } from './local-identity.js';
import { takeSafetyDump } from './safety-dump-locally.js';
import { verifyLocally } from './verify-locally.js';

/** Restores in this process, with neither bus nor catalog; with a profile it verifies as well. */
export async function restoreLocally(wish: RestoreArguments, context: VerbContext): Promise<VerbResult> {
  const { installation, output, signal } = context;
  const { manifest, targetName, database, strategy, profile } = wish;
  const target = installation.target(targetName);
  const startedAt = performance.now();
  const runId = newLocalId();
  const outcome = await restoreBackup(
    { manifest, target, database, strategy, identity: { runId, attempt: 1 } },
    {
      repository: installation.primaryRepository(manifest.dataset),
      tools: new PgTools(),
      workDirectory: installation.config.executor.workDirectory,
      takeSafetyDump: wish.safetyDump ? () => takeSafetyDump(wish, context) : undefined,
      onProgress: (progress) => output.progress(`restore ${database}`, progress, performance.now() - startedAt),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
    },
    signal,
  );
  const restore = { backupId: manifest.backupId, target: targetName, database, strategy, ...outcome };
  const said = `restored backup ${manifest.backupId} to database "${database}" of target ${targetName}`;
  const text = [said, ...toRestoreNotes(outcome)].join('\n');
  if (profile === undefined) return { document: { restore }, text, exit: Exit.done };
  output.part(text);
  const verdict = await verifyLocally({ manifest, target: targetName, database, profile }, context);
  return { ...verdict, document: { restore, verification: verdict.document } };
}
