import { takeBackup } from '#common/operations/take-backup.js';
import { holdfastVersion } from '#common/service/version.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';
import { newLocalId, newNonce } from './local-identity.js';

/** Backs up the destination before a restore replaces it; returns the id of that backup. */
export async function takeSafetyBackup(
  { manifest, targetName, destination }: RestoreArguments,
  { installation, output, signal }: VerbContext,
): Promise<string> {
  const engine = installation.engineOf(manifest.dataset);
  const [{ name: method }] = engine.methods;
  const target = installation.target(targetName);
  const dataset = engine.toSafetyDataset(installation.dataset(manifest.dataset), target, destination);
  const backupId = newLocalId();
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
