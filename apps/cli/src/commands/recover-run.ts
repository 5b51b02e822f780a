import { resolve } from 'node:path';
import { describeTarget } from '#common/contracts/recovery-target.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { Exit } from '#common/errors/exit.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { newLocalId, UNHELD } from '../local/local-identity.js';
import { list, requiredText, text } from '../options.js';
import { toFields } from '../output/table.js';
import { goalOptions, parseGoal } from '../recovery-goal.js';
import type { Verb } from '../verb.js';

export const recoverRun: Verb = {
  path: ['recover', 'run'],
  summary: 'recover a whole PostgreSQL cluster into a data directory on this machine, to any point of its window',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: [
    [
      '--directory <path>',
      'the data directory to make: absent or empty; its folder belongs to the user PostgreSQL runs as',
    ],
    [
      '--tool-directories <list>',
      'where the server programs are looked for before `toolDirectories` of the dataset, with commas between',
    ],
    ...goalOptions,
  ],
  examples: [
    'recover run shop --directory /var/lib/postgresql/restored --to-time 2026-03-01T12:00:00+01:00',
    'recover run shop --directory /var/lib/postgresql/restored',
  ],
  async run({ installation, output, signal }, options, dataset) {
    const goal = parseGoal(options);
    const configured = (installation.dataset(dataset) as Partial<PostgresDataset>).toolDirectories ?? [];
    const toolDirectories = [...(list(options, 'toolDirectories') ?? []), ...configured];
    const directory = resolve(requiredText(options, 'directory'));
    const beganMs = performance.now();
    const onStage = (stage: string): void =>
      output.progress(`recover ${dataset}`, { stage, bytes: 0, totalBytes: null }, performance.now() - beganMs);
    const place = { directory, toolDirectories, runId: newLocalId() };
    const request = { dataset, goal, backupId: text(options, 'backup'), ...place, onStage, signal };
    const recovered = await recoverDataset(request, {
      repository: installation.primaryRepository(dataset),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
    });
    const { lsn, lastCommitAt, timeline, foreignCollations, seconds } = recovered;
    const fields = {
      recovered: `${describeTarget(goal)}, in ${seconds.toFixed(1)} s`,
      'last commit': lastCommitAt ?? 'none was replayed',
      reached: `WAL position ${lsn}; open for writing on timeline ${timeline}`,
      directory: `${directory}, shut down cleanly: start it with pg_ctl or its service`,
    };
    const warning = foreignCollations.length === 0 ? [] : [toWarning(foreignCollations)];
    return { document: recovered, text: [toFields(fields), ...warning].join('\n'), exit: Exit.done };
  },
};

const toWarning = (databases: readonly string[]): string =>
  `another version of the locale library sorts here than where the backup was taken: check the indexes of ${databases.join(', ')} (pg_amcheck) and reindex them`;
