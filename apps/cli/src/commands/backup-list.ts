import type { BackupListView, ListedBackupView } from '#common/contracts/api-views.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { type Reach, readReach } from '#common/operations/recovery/read-reach.js';
import { findRepositoryIdentity } from '#common/repository/initialise-repository.js';
import { listStored } from '#common/service/views/list-stored.js';
import { isOutOfReach } from '../api-client.js';
import { joinLists } from '../join-lists.js';
import { flag, text, wholeNumber } from '../options.js';
import { toLastVerdictText, toMarkTexts, toStateText } from '../output/condition-text.js';
import { toReachLines } from '../output/reach-text.js';
import { toCounts, toSize } from '../output/sizes.js';
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
    const names = dataset === undefined ? Object.keys(context.installation.config.datasets) : [dataset];
    // The catalog first: what comes to be between the two questions is then in the repository at least.
    const known = flag(options, 'local') ? undefined : await fromApi(names, limit, context);
    const stored = await fromRepositories(names, limit, context);
    const unread = stored.failures.map(toUnread);
    const backups = joinLists({ ...stored, known: known?.backups });
    const [failure] = stored.failures;
    if (failure !== undefined && stored.asked.size === 0 && backups.length === 0) throw toNothingRead(failure, unread);
    const lefts = names.map((name) => leftOf(name, stored, known));
    const left = lefts.reduce((sum, count) => sum + count, 0);
    const more = left > 0 ? [`${left} older ones (--limit ${limit + Math.max(...lefts)})`] : [];
    const reaches = await readReaches(names, stored.asked, context);
    return {
      document: { backups, total: backups.length + left, unread, recoverable: reaches },
      text: [toBackupTable(backups), ...more, ...reaches.flatMap(toReachText), ...unread.map(toUnreadText)].join('\n'),
      exit: failure?.error.exit ?? Exit.done,
    };
  },
};

interface ListedReach {
  readonly dataset: string;
  readonly repository: string;
  /** null: it cannot be read, and `problem` says why. */
  readonly reach: Omit<Reach, 'head'> | null;
  readonly problem: string | null;
}

/** Of datasets from which archived changes lead on. */
async function readReaches(
  datasets: readonly string[],
  asked: ReadonlySet<string>,
  { installation, signal }: VerbContext,
): Promise<ListedReach[]> {
  const reaches: ListedReach[] = [];
  for (const dataset of datasets.filter((name) => installation.engineOf(name).archivers !== undefined)) {
    const repository = installation.primaryRepository(dataset);
    if (!asked.has(repository.name)) continue;
    const of = { dataset, repository: repository.name };
    const found = await readReach(dataset, { repository, signal }).catch((error: unknown) => toAppError(error));
    signal.throwIfAborted();
    if (found instanceof AppError) reaches.push({ ...of, reach: null, problem: found.message });
    else if (found !== undefined) {
      const { head: _, ...reach } = found;
      reaches.push({ ...of, reach, problem: null });
    }
  }
  return reaches;
}

const toReachText = ({ dataset, reach, problem }: ListedReach): string[] =>
  reach === null
    ? [`${dataset}: to which moments it can be recovered is unknown: ${problem ?? ''}`]
    : toReachLines(dataset, reach);

/** A repository whose backups are missing in the list. */
interface UnreadRepository {
  readonly repository: string;
  readonly code: string;
  readonly message: string;
}

const toUnread = ({ repository, error: { code, message } }: ReadFailure): UnreadRepository => ({
  repository,
  code,
  message,
});

const toUnreadText = ({ repository, code, message }: UnreadRepository): string =>
  `repository ${repository} not read, its backups may be missing above: ${message} (${code})`;

/** An empty list would say that there is no backup. */
function toNothingRead({ repository, error }: ReadFailure, unread: readonly UnreadRepository[]): AppError {
  const message = `repository ${repository} cannot be read: ${error.message}`;
  const context = { ...error.context, unread: unread.slice(1).map((other) => `${other.repository}: ${other.message}`) };
  return new AppError(error.code, message, context, { hint: error.hint, cause: error });
}

/** By the catalog. */
interface Known {
  readonly backups: readonly ListedBackupView[];
  /** By dataset, how many older ones there are, in all repositories. */
  readonly left: ReadonlyMap<string, number>;
}

/** Undefined: no scheduler answers, or not for its catalog. */
async function fromApi(datasets: readonly string[], limit: number, context: VerbContext): Promise<Known | undefined> {
  const backups: ListedBackupView[] = [];
  const left = new Map<string, number>();
  try {
    for (const dataset of datasets) {
      const found = await pagesOf(dataset, limit, context);
      backups.push(...found.backups);
      left.set(dataset, found.total - found.backups.length);
    }
    return { backups, left };
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    context.output.note(`${error.message}; reading the repositories alone`);
    return undefined;
  }
}

/** What the API tells at once. */
const PAGE = 1_000;

async function pagesOf(dataset: string, limit: number, { api }: VerbContext): Promise<BackupListView> {
  const backups: ListedBackupView[] = [];
  for (let wanted = limit; ; wanted -= PAGE) {
    const size = Math.min(PAGE, wanted);
    const page = await api.backups({ dataset, limit: size, before: backups.at(-1)?.id ?? null });
    backups.push(...page.backups);
    if (wanted <= PAGE || new Set(page.backups.map(({ id }) => id)).size < size) return { backups, total: page.total };
  }
}

/** The catalog counts in all repositories: what those have left that were asked is counted once. */
function leftOf(dataset: string, stored: Stored, known: Known | undefined): number {
  const inRepositories = stored.left.get(dataset) ?? 0;
  return Math.max(inRepositories, known?.left.get(dataset) ?? 0);
}

interface Stored {
  readonly stored: readonly ListedBackupView[];
  /** By dataset, how many older ones there are. */
  readonly left: ReadonlyMap<string, number>;
  /** Repositories that told what they hold, of every dataset. */
  readonly asked: ReadonlySet<string>;
  /** At most one of each repository. */
  readonly failures: readonly ReadFailure[];
}

interface ReadFailure {
  readonly repository: string;
  readonly error: AppError;
}

/** A repository that cannot be read hides its own backups only; it is not asked again for the next dataset. Throws: the abort reason. */
async function fromRepositories(
  datasets: readonly string[],
  limit: number,
  { installation, signal }: VerbContext,
): Promise<Stored> {
  const stored: ListedBackupView[] = [];
  const asked = new Set<string>();
  const left = new Map<string, number>();
  const failures = new Map<string, AppError>();
  for (const dataset of datasets) {
    for (const repository of installation.repositoriesOf(dataset)) {
      if (failures.has(repository.name)) continue;
      try {
        const found = await listStored(repository, { dataset, limit }, { signal });
        // A folder that is not mounted here looks like an empty repository.
        const isThere =
          found.backups.length > 0 || (await findRepositoryIdentity(repository, { signal })) !== undefined;
        if (isThere) asked.add(repository.name);
        stored.push(...found.backups);
        left.set(dataset, (left.get(dataset) ?? 0) + found.left);
      } catch (error) {
        signal.throwIfAborted();
        failures.set(repository.name, toAppError(error));
        asked.delete(repository.name);
      }
    }
  }
  return { stored, left, asked, failures: [...failures].map(([repository, error]) => ({ repository, error })) };
}

const toBackupTable = (backups: readonly ListedBackupView[]): string =>
  toTable(
    [
      'id',
      'dataset',
      'method',
      'snapshot',
      'stored',
      'source',
      'counts',
      'bus',
      'repository',
      'purpose',
      'verdict',
      'state',
      '',
    ],
    backups.map((backup) => [
      ...[backup.id, backup.dataset, backup.method ?? 'unknown', backup.snapshotAt ?? 'unknown'],
      ...[toSizeOrUnknown(backup.sizeBytes), toSizeOrUnknown(backup.sourceSizeBytes)],
      ...[
        backup.counts === null ? 'unknown' : toCounts(backup.counts),
        backup.busPosition ?? 'unknown',
        backup.repository,
      ],
      ...[backup.purpose ?? 'unknown', toLastVerdictText(backup.lastVerdict), toStateText(backup)],
      toMarkTexts(backup).join('; '),
    ]),
  );

const toSizeOrUnknown = (bytes: number | null): string => (bytes === null ? 'unknown' : toSize(bytes));
