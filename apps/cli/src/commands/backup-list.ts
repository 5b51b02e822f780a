import type { BackupView } from '#common/contracts/api-views.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { listBackups } from '#common/repository/read-backups.js';
import { toBackupView } from '#common/service/backup-view.js';
import { flag, text } from '../options.js';
import { toSize } from '../output/sizes.js';
import { toTable } from '../output/table.js';
import type { Verb, VerbContext } from '../verb.js';

export const backupList: Verb = {
  path: ['backup', 'list'],
  summary: 'list backups, newest first; from the repositories when the API does not answer',
  options: [
    ['--dataset <name>', 'only of this dataset'],
    ['--local', 'read the repositories, not the catalog'],
  ],
  examples: ['backup list --dataset shop', 'backup list --local --json'],
  async run(context, options) {
    const dataset = text(options, 'dataset');
    if (dataset !== undefined) context.installation.datasetConfig(dataset);
    const backups = flag(options, 'local') ? await fromRepositories(dataset, context) : await fromApi(dataset, context);
    return { document: { backups }, text: toBackupTable(backups), exit: Exit.done };
  },
};

async function fromApi(dataset: string | undefined, context: VerbContext): Promise<BackupView[]> {
  try {
    return (await context.api.backups({ dataset: dataset ?? null })).backups;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'api.unreachable') throw error;
    context.output.note(`${error.message}; reading the repositories instead`);
    return fromRepositories(dataset, context);
  }
}

async function fromRepositories(
  dataset: string | undefined,
  { installation, signal }: VerbContext,
): Promise<BackupView[]> {
  const views: BackupView[] = [];
  for (const name of dataset === undefined ? Object.keys(installation.config.datasets) : [dataset]) {
    for (const repository of installation.repositoriesOf(name)) {
      for await (const manifest of listBackups(repository, name, { signal }))
        views.push(toBackupView(manifest, repository.name));
    }
  }
  return views.sort((a, b) => (a.id < b.id ? 1 : -1));
}

const toBackupTable = (backups: readonly BackupView[]): string =>
  toTable(
    ['id', 'dataset', 'snapshot', 'stored', 'database', 'rows', 'bus', 'repository', 'purpose'],
    backups.map((backup) => [
      backup.id,
      backup.dataset,
      backup.snapshotAt,
      toSize(backup.sizeBytes),
      toSize(backup.databaseSizeBytes),
      String(backup.rows),
      backup.busPosition,
      backup.repository,
      backup.purpose,
    ]),
  );
