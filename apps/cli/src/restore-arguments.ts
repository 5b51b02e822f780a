import type { Manifest } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { type Damage, toDamageText } from '#common/domain/proof.js';
import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import { loadDriver } from '#common/engines/engines.js';
import { AppError } from '#common/errors/app-error.js';
import { planRecovery } from '#common/operations/recovery/recover-dataset.js';
import { assertRecovers, assertTakesParts } from '#common/operations/restore/restore-backup.js';
import { assertChain, findProvenDamage } from '#common/repository/load-backup.js';
import { locateBackup, methodOption, withMethod } from './backup-ref.js';
import { requiredText, text, texts } from './options.js';
import { findGoal, targetOptions } from './recovery-goal.js';
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
  /** Up to where archived changes are replayed; undefined: the backup comes back alone. */
  readonly goal: RecoveryGoal | undefined;
  /** In the words of the kind; undefined: the whole backup. */
  readonly parts: readonly string[] | undefined;
}

export const restoreOptions = [
  methodOption,
  ['--target <name>', 'a restore target of the configuration'],
  [
    '--destination <name>',
    'a database, a prefix, an index, a topic; default: the one that the dataset has in the configuration, whatever it was called in the backup',
  ],
  ['--strategy <name>', 'new: to a place that is not there yet; others replace what is there: in-place, swap', 'new'],
  [
    '--parts <part...>',
    'only these parts of the backup: of PostgreSQL a table, schema.table or schema.*; of a bucket a key, or what keys begin with and *: products/*',
  ],
  ['--no-safety-backup', 'where the destination is replaced: do not back it up first'],
  ...targetOptions,
] as const;

/** A restore by the names of the configuration. */
export interface NamedRestore {
  /** An id, DATASET@latest or DATASET@latest:METHOD. */
  readonly backup: string;
  readonly target: string;
  readonly destination: string | undefined;
  readonly strategy: string;
  readonly profile: string | undefined;
  readonly safetyBackup: boolean;
  readonly goal: RecoveryGoal | undefined;
  readonly parts: readonly string[] | undefined;
}

/** What `restore plan` and `restore run` are asked; refuses what the target does not accept. Throws: request.*, backup.missing. */
export const parseRestore = (reference: string, options: Options, context: VerbContext): Promise<RestoreArguments> =>
  loadRestore(
    {
      backup: withMethod(reference, options),
      target: requiredText(options, 'target'),
      destination: text(options, 'destination'),
      strategy: requiredText(options, 'strategy'),
      profile: text(options, 'profile'),
      safetyBackup: options['safetyBackup'] !== false,
      goal: findGoal(options),
      parts: texts(options, 'parts'),
    },
    context,
  );

/** Finds the backup, and refuses what the target does not accept. Throws: request.*, backup.missing. */
export async function loadRestore(named: NamedRestore, context: VerbContext): Promise<RestoreArguments> {
  const { backup, target: targetName, strategy, profile, safetyBackup, goal, parts } = named;
  const { installation } = context;
  const rules = installation.targetRules(targetName);
  const { manifest, damage } = await loadNamed(
    goal === undefined ? backup : await toBase(backup, goal, context),
    context,
  );
  if (profile !== undefined) installation.profile(profile, manifest.dataset);
  const destination = installation.destination(manifest.dataset, targetName, named.destination);
  if (parts !== undefined) installation.assertTakesParts(targetName, parts, profile);
  assertDriver({ strategy, targetName, goal, parts }, manifest, context);
  assertRestoreAllowed({ dataset: manifest.dataset, target: targetName, strategy, destination }, rules);
  return { manifest, damage, targetName, destination, strategy, profile, safetyBackup, goal, parts };
}

/** Throws: request.invalid, naming the strategies that there are; request.refused; backup.unknown-kind. */
function assertDriver(
  { strategy, targetName, goal, parts }: Pick<RestoreArguments, 'strategy' | 'targetName' | 'goal' | 'parts'>,
  { method, backupId }: Manifest,
  { installation }: VerbContext,
): void {
  const driver = loadDriver(installation.targetKind(targetName), method, `backup ${backupId}`);
  assertRecovers(driver, goal);
  assertTakesParts(driver, parts);
  if (!driver.strategies.includes(strategy))
    throw new AppError('request.invalid', `--strategy is ${driver.strategies.join(' or ')} for backup ${backupId}`);
}

/** Of a recovery that names a dataset and no backup: the newest base backup from which the goal is reached. Throws: recovery.outside. */
async function toBase(reference: string, goal: RecoveryGoal, { installation, signal }: VerbContext): Promise<string> {
  const dataset = /^([^@]+)@latest(?::base)?$/.exec(reference)?.[1];
  if (dataset === undefined) return reference;
  const { decision } = await planRecovery({ dataset, goal, signal }, installation.primaryRepository(dataset));
  return decision.base.backupId;
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
