import { hostname } from 'node:os';
import type { Manifest } from '#common/contracts/manifest.js';
import { whileHeld } from '#common/repository/keep-hold.js';
import type { VerbContext } from '../verb.js';

/** No catalog knows of local work, so a hold beside the backup keeps retention from it. Throws: backup.expiring; what the work throws. */
export function holdLocally<T>(
  { dataset, backupId }: Manifest,
  { kind, runId }: { readonly kind: string; readonly runId: string },
  { installation, output, signal }: VerbContext,
  work: () => Promise<T>,
): Promise<T> {
  const hold = {
    ...{ dataset, backupId, name: `${kind}-${runId}` },
    ...{ reason: `a local ${kind}`, by: hostname() },
    onUnheld: () =>
      output.note('the repository may not be written: nothing keeps retention from this backup meanwhile'),
  };
  return whileHeld(installation.primaryRepository(dataset), hold, signal, work);
}
