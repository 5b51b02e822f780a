import type { ListedBackupView } from '#common/contracts/api-views.js';
import { toAppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { findRepositoryIdentity } from '#common/repository/initialise-repository.js';
import { listStored } from '#common/service/list-stored.js';
import { isOutOfReach } from '../api-client.js';
import { joinLists } from '../join-lists.js';
import { flag, text, wholeNumber } from '../options.js';
import { toLastVerdictText, toMarkTexts, toStateText } from '../output/condition-text.js';
import { toSize } from '../output/sizes.js';
import { toTable } from '../output/table.js';
import type { Verb, VerbContext } from '../verb.js';

const DEFAULT_LIMIT = 50;

export const backupList: Verb = {
  path: ['backup', 'list'],
  summary:
    'list backups, newest first, with their state, last verdict, holds and marks: the repositories’ word, then the catalog’s',
  options: [
    ['--dataset <name>', 'only of this dataset'],
    ['--limit <n>', 'the newest so many of each dataset', String(DEFAULT_LIMIT)],
    ['--local', 'ask the repositories alone, not the catalog'],
  ],
  examples: ['backup list --dataset shop', 'backup list --local --json'],
  async run(context, options) {
    const dataset = text(options, 'dataset');
    if (dataset !== undefined) context.installation.datasetConfig(dataset);
    const limit = wholeNumber(options, 'limit') ?? DEFAULT_LIMIT;
    // The catalog first: what comes to be between the two questions is then in the repository at least.
    const known = flag(options, 'local') ? undefined : await fromApi(dataset, context);
    const names = dataset === undefined ? Object.keys(context.installation.config.datasets) : [dataset];
    const stored = await fromRepositories(names, limit, context);
    const backups = joinLists({ ...stored, known });
    const total = backups.length + stored.left;
    const more = stored.left > 0 ? [`${stored.left} older ones (--limit ${limit + stored.left})`] : [];
    return { document: { backups, total }, text: [toBackupTable(backups), ...more].join('\n'), exit: Exit.done };
  },
};

/** Undefined: no scheduler answers, or not for its catalog. */
async function fromApi(
  dataset: string | undefined,
  context: VerbContext,
): Promise<readonly ListedBackupView[] | undefined> {
  try {
    return (await context.api.backups({ dataset: dataset ?? null })).backups;
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    context.output.note(`${error.message}; reading the repositories alone`);
    return undefined;
  }
}

interface Stored {
  readonly stored: readonly ListedBackupView[];
  readonly left: number;
  /** Repositories that told what they hold. */
  readonly asked: ReadonlySet<string>;
}

/** A repository that cannot be read from here hides its own backups only. Throws: what the only one throws. */
async function fromRepositories(
  datasets: readonly string[],
  limit: number,
  { installation, output, signal }: VerbContext,
): Promise<Stored> {
  const stored: ListedBackupView[] = [];
  const asked = new Set<string>();
  let left = 0;
  for (const dataset of datasets) {
    for (const repository of installation.repositoriesOf(dataset)) {
      try {
        // A folder that is not mounted here looks like an empty repository.
        if ((await findRepositoryIdentity(repository, { signal })) === undefined) continue;
        const found = await listStored(repository, { dataset, limit }, { signal });
        asked.add(repository.name);
        stored.push(...found.backups);
        left += found.left;
      } catch (error) {
        signal.throwIfAborted();
        output.note(`repository ${repository.name} cannot be read: ${toAppError(error).message}`);
      }
    }
  }
  return { stored, left, asked };
}

const toBackupTable = (backups: readonly ListedBackupView[]): string =>
  toTable(
    ['id', 'dataset', 'snapshot', 'stored', 'database', 'rows', 'bus', 'repository', 'purpose', 'verdict', 'state', ''],
    backups.map((backup) => [
      ...[backup.id, backup.dataset, backup.snapshotAt ?? 'unknown'],
      ...[toSizeOrUnknown(backup.sizeBytes), toSizeOrUnknown(backup.databaseSizeBytes)],
      ...[String(backup.rows ?? 'unknown'), backup.busPosition ?? 'unknown', backup.repository],
      ...[backup.purpose ?? 'unknown', toLastVerdictText(backup.lastVerdict), toStateText(backup)],
      toMarkTexts(backup).join('; '),
    ]),
  );

const toSizeOrUnknown = (bytes: number | null): string => (bytes === null ? 'unknown' : toSize(bytes));
