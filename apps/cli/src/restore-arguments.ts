import type { Manifest } from '#common/contracts/manifest.js';
import { type Damage, toDamageText } from '#common/domain/proof.js';
import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import { loadDriver } from '#common/engines/engines.js';
import { AppError } from '#common/errors/app-error.js';
import { assertChain, findProvenDamage } from '#common/repository/load-backup.js';
import { locateBackup, methodOption, withMethod } from './backup-ref.js';
import { requiredText, text } from './options.js';
import type { Options, VerbContext } from './verb.js';

export interface RestoreArguments {
  readonly manifest: Manifest;
  /** What its objects failed by, if they failed a proof: who names it by its id may have nothing else. */
  readonly damage: readonly Damage[];
  readonly targetName: string;
  readonly destination: string;
  readonly strategy: string;
  readonly profile: string | undefined;
  readonly safetyBackup: boolean;
}

export const restoreOptions = [
  methodOption,
  ['--target <name>', 'a restore target of the configuration'],
  [
    '--destination <name>',
    'a database, a prefix, an index, a topic; default: the one that the dataset has in the configuration, whatever it was called in the backup',
  ],
  ['--strategy <name>', 'new: to a place that is not there yet; others replace what is there: in-place', 'new'],
  ['--no-safety-backup', 'where the destination is replaced: do not back it up first'],
] as const;

/** What `restore plan` and `restore run` are asked; refuses what the target does not accept. Throws: request.*, backup.missing. */
export async function parseRestore(
  reference: string,
  options: Options,
  context: VerbContext,
): Promise<RestoreArguments> {
  const targetName = requiredText(options, 'target');
  const rules = context.installation.targetRules(targetName);
  const strategy = requiredText(options, 'strategy');
  const profile = text(options, 'profile');
  const { manifest, damage } = await loadNamed(withMethod(reference, options), context);
  if (profile !== undefined) context.installation.profile(profile, manifest.dataset);
  const destination = context.installation.destination(manifest.dataset, text(options, 'destination'));
  assertStrategy(strategy, manifest, context);
  assertRestoreAllowed({ dataset: manifest.dataset, target: targetName, strategy, destination }, rules);
  return {
    manifest,
    damage,
    targetName,
    destination,
    strategy,
    profile,
    safetyBackup: options['safetyBackup'] !== false,
  };
}

/** Throws: request.invalid, naming those that there are. */
function assertStrategy(
  strategy: string,
  { dataset, method, backupId }: Manifest,
  { installation }: VerbContext,
): void {
  const { strategies } = loadDriver(installation.engineOf(dataset), method, `backup ${backupId}`);
  if (!strategies.includes(strategy))
    throw new AppError('request.invalid', `--strategy is ${strategies.join(' or ')} for backup ${backupId}`);
}

/** Throws: backup.missing; backup.damaged for one that has lost an object. */
async function loadNamed(
  reference: string,
  context: VerbContext,
): Promise<Pick<RestoreArguments, 'manifest' | 'damage'>> {
  const located = await locateBackup(reference, context);
  if (located.damage !== undefined) throw located.damage;
  await assertChain(located.repository, located.manifest, context);
  const damage = await findProvenDamage(located.repository, located, { signal: context.signal });
  if (damage.length > 0)
    context.output.note(
      `the backup failed a proof: ${toDamageText(damage)}; its bytes are checked before anything changes`,
    );
  return { manifest: located.manifest, damage };
}
