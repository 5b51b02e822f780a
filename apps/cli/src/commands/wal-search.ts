import { resolve } from 'node:path';
import { assertOffset } from '#common/contracts/recovery-target.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { CHANGE_KINDS, type ChangeKind } from '#common/engines/postgres/wal/search/collect-transactions.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { searchWal, type WalQuestion } from '#common/operations/recovery/search-wal.js';
import { withSpoolFolder } from '#common/operations/restore/spool-folder.js';
import { newLocalId, UNHELD } from '../local/local-identity.js';
import { list, requiredText, text, wholeNumber } from '../options.js';
import { toWalAnswerText } from '../output/wal-answer-text.js';
import type { Options, Verb, VerbContext } from '../verb.js';

export const walSearch: Verb = {
  path: ['wal', 'search'],
  summary:
    'find in the archived WAL which transactions changed a table and when, each with how to recover to just before; needs neither catalog nor bus',
  argument: ['<dataset>', 'a PostgreSQL dataset whose WAL is archived'],
  options: [
    ['--from <instant>', 'where the span begins, with its UTC offset, 2026-03-01T14:00:00+01:00'],
    ['--to <instant>', 'where it ends'],
    ['--table <name>', 'public.orders, with its partitions; default: every table of the database'],
    ['--kinds <list>', `of ${CHANGE_KINDS.join(', ')}; default: all`],
    ['--at-least <number>', 'pass over transactions that changed fewer rows of a table'],
    ['--limit <number>', 'how many transactions to print; the others are counted', '50'],
    ['--timeline <number>', 'of several the one to read; default: the newest'],
    [
      '--beside <directory>',
      'ask a copy of the cluster from before the span which table is meant, where the database is gone or the table was dropped: the copy is made in here and removed',
    ],
    [
      '--tool-directories <list>',
      'where PostgreSQL’s programs are looked for before `toolDirectories` of the dataset, with commas between',
    ],
  ],
  examples: [
    'wal search shop --table orders --from 2026-03-01T14:00:00+01:00 --to 2026-03-01T14:10:00+01:00',
    'wal search shop --kinds drop,truncate --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00Z',
  ],
  async run(context, options, dataset) {
    const question = toQuestion(dataset, options, context);
    const { installation, output } = context;
    const beganMs = performance.now();
    const onStage = (stage: string): void =>
      output.progress(`wal search ${dataset}`, { stage, bytes: 0, totalBytes: null }, performance.now() - beganMs);
    const { workDirectory } = installation.config.executor;
    const answer = await withSpoolFolder(workDirectory, { runId: question.runId, attempt: 1 }, (folder) =>
      searchWal(
        { ...question, folder },
        {
          repository: installation.primaryRepository(dataset),
          onStage,
          onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
        },
      ),
    );
    const asked = { dataset, table: question.table ?? null };
    return { document: { ...asked, ...answer }, text: toWalAnswerText(asked, answer), exit: Exit.done };
  },
};

function toQuestion(
  dataset: string,
  options: Options,
  { installation, signal }: VerbContext,
): Omit<WalQuestion, 'folder'> {
  const { kind } = installation.datasetConfig(dataset);
  if (kind !== 'postgres')
    throw new AppError('request.refused', `dataset "${dataset}" is of kind ${kind}, which archives no WAL`);
  const { connection, toolDirectories } = installation.dataset(dataset) as PostgresDataset;
  const beside = text(options, 'beside');
  return {
    ...{ dataset, connection, signal, runId: newLocalId(), table: text(options, 'table') },
    from: assertOffset(requiredText(options, 'from')),
    to: assertOffset(requiredText(options, 'to')),
    kinds: readKinds(list(options, 'kinds')),
    atLeast: wholeNumber(options, 'atLeast') ?? 0,
    limit: wholeNumber(options, 'limit') ?? 50,
    timeline: wholeNumber(options, 'timeline'),
    beside: beside === undefined ? undefined : resolve(beside),
    toolDirectories: [...(list(options, 'toolDirectories') ?? []), ...toolDirectories],
  };
}

function readKinds(named: readonly string[] | undefined): readonly ChangeKind[] {
  const wrong = named?.find((each) => !(CHANGE_KINDS as readonly string[]).includes(each));
  if (wrong !== undefined)
    throw new AppError('request.invalid', `--kinds takes ${CHANGE_KINDS.join(', ')}, not "${wrong}"`);
  return (named as readonly ChangeKind[] | undefined) ?? CHANGE_KINDS;
}
