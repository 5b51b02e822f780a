import type { Manifest } from '#common/contracts/manifest.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { findBackup } from '#common/repository/read-backups.js';
import { holdfastVersion } from '#common/service/version.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';
import { newLocalId, newNonce } from './local-identity.js';

/** The one that an earlier attempt of the same restore took; undefined: none is there. Throws: repository.*. */
export const findSafetyBackup = (
  dataset: string,
  backupId: string,
  { installation, signal }: VerbContext,
): Promise<Manifest | undefined> => findBackup(installation.primaryRepository(dataset), dataset, backupId, { signal });

/**
 * Backs up the destination before a restore replaces it, under the given id, which it returns. What an earlier attempt took under it is
 * adopted, for by now the destination may be changed.
 */
export async function takeSafetyBackup(
  { manifest, targetName, destination }: RestoreArguments,
  backupId: string,
  context: VerbContext,
): Promise<string> {
  const { installation, output, signal } = context;
  if ((await findSafetyBackup(manifest.dataset, backupId, context)) !== undefined) return backupId;
  const engine = installation.engineOf(manifest.dataset);
  const [{ name: method }] = engine.methods;
  const target = installation.target(targetName);
  const dataset = engine.toSafetyDataset(installation.dataset(manifest.dataset), target, destination);
  await takeBackup(
    { dataset, backupId, runId: newLocalId(), attempt: 1, nonce: newNonce(), purpose: 'safety', method },
    {
      engine,
      repository: installation.primaryRepository(manifest.dataset),
      clock: () => new Date(),
      holdfastVersion,
    },
    signal,
  );
  output.part(`what was there is kept as safety backup ${backupId}`);
  return backupId;
}
