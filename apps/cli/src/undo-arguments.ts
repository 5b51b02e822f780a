import { tmpdir } from 'node:os';
import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import type { PostgresDataset, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { type Undone, type UndoRequest, undo } from '#common/operations/recovery/undo.js';
import { newLocalId, UNHELD } from './local/local-identity.js';
import { list, requiredText, text } from './options.js';
import { findGoal, goalOptions } from './recovery-goal.js';
import type { Options, Verb, VerbContext } from './verb.js';

export const undoOptions: Verb['options'] = [
  ['--target <name>', 'a target of kind postgres that accepts the dataset in-place: its role writes the rows'],
  ['--destination <database>', 'the live database; default: the one that the dataset names'],
  ['--tables <list>', 'public.orders,public.lines: tables whose rows are compared, with commas between'],
  ['--where <condition>', 'only rows for which a condition of SQL is true, then and now: "customer_id = 17"'],
  ['--changed', 'also rows that changed: they become what they were'],
  ...goalOptions,
];

/** What `undo plan` and `undo run` do. Throws: request.*, undo.*; what a recovery throws. */
export async function undoBy(
  dataset: string,
  options: Options,
  { merge, context }: { readonly merge: boolean; readonly context: VerbContext },
): Promise<Undone> {
  const { installation, output } = context;
  const beganMs = performance.now();
  const onStage = (stage: string): void =>
    output.progress(`undo ${dataset}`, { stage, bytes: 0, totalBytes: null }, performance.now() - beganMs);
  return undo(
    { ...toRequest(dataset, options, context), merge, onStage },
    {
      repository: installation.primaryRepository(dataset),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
      onLeft: ({ message }) => output.note(message),
    },
  );
}

function toRequest(
  dataset: string,
  options: Options,
  { installation, signal }: VerbContext,
): Omit<UndoRequest, 'merge'> {
  const targetName = requiredText(options, 'target');
  assertPostgres(`dataset "${dataset}"`, installation.datasetConfig(dataset).kind);
  assertPostgres(`target "${targetName}"`, installation.targetConfig(targetName).kind);
  const database = installation.destination(dataset, targetName, text(options, 'destination'));
  const wish = { dataset, target: targetName, strategy: 'in-place', destination: database };
  assertRestoreAllowed(wish, installation.targetRules(targetName));
  const goal = findGoal(options);
  if (goal === undefined)
    throw new AppError('request.invalid', 'an undo needs the moment before: --to-lsn … --exclusive, say');
  const { connection, toolDirectories } = installation.dataset(dataset) as PostgresDataset;
  const target = installation.target(targetName) as PostgresTarget;
  const tables = list(options, 'tables') ?? [];
  if (tables.length === 0) throw new AppError('request.invalid', '--tables is missing');
  return {
    ...{ dataset, goal, target, database, tables, signal, runId: newLocalId() },
    ...{ backupId: text(options, 'backup'), where: text(options, 'where'), sourceDatabase: connection.database },
    withChanged: options['changed'] === true,
    root: target.recoveryDirectory ?? installation.config.executor.workDirectory ?? tmpdir(),
    toolDirectories: [...target.toolDirectories, ...toolDirectories],
  };
}

function assertPostgres(what: string, kind: string): void {
  if (kind !== 'postgres')
    throw new AppError('request.refused', `${what} is of kind ${kind}, and an undo merges rows of PostgreSQL`);
}
