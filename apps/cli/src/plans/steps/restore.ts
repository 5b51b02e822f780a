import type { StepOf } from '#common/config/plans/plan-steps.js';
import { isUuid } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Check } from '#common/engines/check.js';
import type { Remembered } from '#common/engines/findings.js';
import { AppError } from '#common/errors/app-error.js';
import { assertNotRefused } from '#common/errors/refusals.js';
import { mergeFound } from '#common/operations/restore/findings.js';
import { encryptionCheck } from '../../checks/repository-check.js';
import { targetChecks } from '../../checks/target-checks.js';
import { newLocalId } from '../../local/local-identity.js';
import { planRestore } from '../../local/plan-restore.js';
import { performRestore, toRestoreText } from '../../local/restore-locally.js';
import { loadRestore, type RestoreArguments } from '../../restore-arguments.js';
import type { VerbContext } from '../../verb.js';
import { defineWorker } from '../step-worker.js';

type Step = StepOf<'restore'>;

/** What the tries at one restore share. */
interface Note {
  readonly restoreId: string;
  /** What the first try found to be the latest backup stays it. */
  readonly backupId: string;
  readonly safetyBackupId: string;
  readonly remembered: Remembered;
}

export const restore = defineWorker('restore', {
  describe: ({ dataset, backup, target, destination, strategy }) =>
    `restores ${dataset}, ${backup}, to ${destination === undefined ? '' : `"${destination}" of `}target ${target} (${strategy})`,
  checks: (step, context) => [
    ...context.installation.datasetConfig(step.dataset).repositories.map((name) => readableCheck(name, context)),
    ...targetChecks(step.target, context),
    planCheck(step, context),
  ],
  async foresee(step, context) {
    return toOutputs(await load(step, step.backup, context));
  },
  async run(step, context) {
    const earlier = context.note as unknown as Note | null;
    const wish = await load(step, earlier?.backupId ?? step.backup, context);
    let note = earlier ?? toNote(wish);
    context.keepNote(note as unknown as JsonObject);
    const document = await performRestore(
      wish,
      {
        identity: { runId: note.restoreId, attempt: context.attempt },
        safetyBackupId: note.safetyBackupId,
        remember: async (found) => {
          note = { ...note, remembered: mergeFound(note.remembered, found) };
          context.keepNote(note as unknown as JsonObject);
          return note.remembered;
        },
      },
      context,
    );
    const { dataset, snapshotAt } = wish.manifest;
    const evidence = { dataset, snapshotAt, ...document } as unknown as JsonObject;
    return { outputs: toOutputs(wish), evidence, said: toRestoreText(document) };
  },
});

/** Throws: request.*, backup.*. */
async function load(step: Step, reference: string, context: VerbContext): Promise<RestoreArguments> {
  const { dataset, target, destination, strategy, safetyBackup, recovery: goal, parts } = step;
  const backup = toReference(dataset, reference);
  const named = { backup, target, destination, strategy, profile: undefined, safetyBackup, goal, parts };
  const wish = await loadRestore(named, context);
  if (wish.manifest.dataset === dataset) return wish;
  throw new AppError(
    'request.invalid',
    `backup ${reference} is of dataset "${wish.manifest.dataset}", not "${dataset}"`,
  );
}

/** As the command line names backups. */
export const toReference = (dataset: string, backup: string): string =>
  isUuid(backup) ? backup : `${dataset}@${backup}`;

const toNote = ({ manifest }: RestoreArguments): Note => ({
  restoreId: newLocalId(),
  backupId: manifest.backupId,
  safetyBackupId: newLocalId(),
  remembered: mergeFound({}, {}),
});

const toOutputs = ({ manifest, targetName, destination }: RestoreArguments) => {
  const { dataset, backupId, snapshotAt } = manifest;
  return { dataset, backupId, snapshotAt, target: targetName, destination };
};

/** The backup is there, opens, and nothing stands in its way on the target. */
const planCheck = (step: Step, context: VerbContext): Check => ({
  name: `step ${step.name}: what the restore would do`,
  run: async () => {
    const wish = await load(step, step.backup, context);
    const { plan } = await planRestore(wish, context);
    assertNotRefused(plan.refusals, `target "${step.target}"`);
    const { backupId, snapshotAt } = wish.manifest;
    return `backup ${backupId} of ${snapshotAt} would go to "${wish.destination}"; nothing stands in the way`;
  },
});

/** Asks the storage by reading, and an encrypted repository by its canary: nothing of a check that only writers need. */
function readableCheck(name: string, context: VerbContext): Check {
  return { ...encryptionCheck(name, context), needs: [] };
}
