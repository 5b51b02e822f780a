import type { RestoreDriver, RestorePlan, RestoreTarget } from '#common/engines/engine.js';
import { loadDriver } from '#common/engines/engines.js';
import { openBackup } from '#common/operations/open-backup.js';
import type { RestoreArguments } from '../restore-arguments.js';
import type { VerbContext } from '../verb.js';

export interface PlannedRestore {
  readonly plan: RestorePlan;
  readonly driver: RestoreDriver<RestoreTarget, object>;
}

/** What a restore would do, and what stands in its way. Changes nothing. Throws: backup.*, sealing.*; the engine's own codes; repository.*. */
export async function planRestore(
  { manifest: sealed, targetName, destination, strategy, safetyBackup: safety, goal, parts }: RestoreArguments,
  { installation, signal }: VerbContext,
): Promise<PlannedRestore> {
  const repository = installation.primaryRepository(sealed.dataset);
  const opened = await openBackup(sealed, { repository, engine: installation.engineOf(sealed.dataset) }, signal);
  const { manifest } = opened;
  const driver = loadDriver(installation.targetKind(targetName), manifest.method, `backup ${manifest.backupId}`);
  const target = installation.target(targetName);
  const inventory = () => opened.inventory(signal);
  const archive = { goal, dataset: installation.dataset(manifest.dataset), repository, keyring: opened.keyring };
  const question = { manifest, target, destination, strategy, safety, inventory, archive, parts };
  const plan = await driver.plan(question, signal);
  return { plan, driver };
}
