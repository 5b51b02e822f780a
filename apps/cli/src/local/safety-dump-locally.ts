import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { toSafetyDataset } from '#common/engines/postgres/postgres-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { holdfastVersion } from '#common/service/version.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';
import { newLocalId, newNonce } from './local-identity.js';

/** Dumps the target before a restore in place changes it; returns the id of that backup. */
export async function takeSafetyDump(
  { manifest, targetName, database }: RestoreArguments,
  { installation, output, signal }: VerbContext,
): Promise<string> {
  const dataset = toSafetyDataset(installation.dataset(manifest.dataset), installation.target(targetName), database);
  const backupId = newLocalId();
  await takeBackup(
    { dataset, backupId, runId: newLocalId(), attempt: 1, nonce: newNonce(), purpose: 'safety', method: 'dump' },
    {
      engine: postgresEngine(),
      repository: installation.primaryRepository(manifest.dataset),
      clock: () => new Date(),
      holdfastVersion,
    },
    signal,
  );
  output.part(`the database as it was is kept as safety backup ${backupId}`);
  return backupId;
}
