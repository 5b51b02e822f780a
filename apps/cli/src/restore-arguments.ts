import type { Manifest } from '#common/contracts/manifest.js';
import { RestoreStrategy } from '#common/contracts/names.js';
import { type Damage, toDamageText } from '#common/domain/proof.js';
import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { findProvenDamage } from '#common/repository/load-backup.js';
import { locateBackup } from './backup-ref.js';
import { requiredText, text } from './options.js';
import type { Options, VerbContext } from './verb.js';

export interface RestoreArguments {
  readonly manifest: Manifest;
  /** What its objects failed by, if they failed a proof: who names it by its id may have nothing else. */
  readonly damage: readonly Damage[];
  readonly targetName: string;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
  readonly profile: string | undefined;
  readonly safetyDump: boolean;
}

export const restoreOptions = [
  ['--target <name>', 'a restore target of the configuration'],
  ['--database <name>', 'default: the one that the url of the dataset names, whatever it was called in the backup'],
  ['--strategy <new|in-place>', 'a new database, or over an existing one', 'new'],
  ['--no-safety-dump', 'in-place: do not dump the target first'],
] as const;

/** What `restore plan` and `restore run` are asked; refuses what the target does not accept. Throws: request.*, backup.missing. */
export async function parseRestore(
  reference: string,
  options: Options,
  context: VerbContext,
): Promise<RestoreArguments> {
  const targetName = requiredText(options, 'target');
  const rules = context.installation.targetRules(targetName);
  const strategy = RestoreStrategy.safeParse(text(options, 'strategy'));
  if (!strategy.success) throw new AppError('request.invalid', '--strategy is new or in-place');
  const profile = text(options, 'profile');
  if (profile !== undefined) context.installation.profile(profile);
  const { manifest, damage } = await loadNamed(reference, context);
  const database = context.installation.restoreDatabase(manifest.dataset, text(options, 'database'));
  assertRestoreAllowed({ dataset: manifest.dataset, target: targetName, strategy: strategy.data, database }, rules);
  return {
    manifest,
    damage,
    targetName,
    database,
    strategy: strategy.data,
    profile,
    safetyDump: options['safetyDump'] !== false,
  };
}

/** Throws: backup.missing; backup.damaged for one that has lost an object. */
async function loadNamed(
  reference: string,
  context: VerbContext,
): Promise<Pick<RestoreArguments, 'manifest' | 'damage'>> {
  const located = await locateBackup(reference, context);
  if (located.damage !== undefined) throw located.damage;
  const damage = await findProvenDamage(located.repository, located, { signal: context.signal });
  if (damage.length > 0)
    context.output.note(
      `the backup failed a proof: ${toDamageText(damage)}; its bytes are checked before anything changes`,
    );
  return { manifest: located.manifest, damage };
}
