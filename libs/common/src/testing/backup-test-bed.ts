import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Manifest } from '#common/contracts/manifest.js';
import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { toUuidV7 } from '#common/domain/ids.js';
import type { ProtectedDataset } from '#common/engines/engine.js';
import { type PostgresFacts, postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import type { BackupAttempt, TakeBackupDeps } from '#common/operations/take-backup.js';
import { runCommand } from '#common/process/run-command.js';
import type { BackupRepository, RepositoryEncryption } from '#common/repository/backup-repository.js';
import { openRepository } from '#common/repository/open-repository.js';
import { Sealing } from '#common/sealing/sealing.js';
import type { ScratchDatabase } from './scratch-database.js';

const { signal } = new AbortController();

export type PostgresDeps = TakeBackupDeps<PostgresDataset, PostgresFacts>;

/** For what is not about encryption. */
export const plainSealing = new Sealing({ compression: { level: 1, threads: 1 }, recipients: [] });

/** Of a backup that is not encrypted. */
export function factsOf({ backupId, facts }: Manifest): SnapshotFacts {
  if (facts === null) throw new Error(`the facts of backup ${backupId} are sealed`);
  return SnapshotFacts.parse(facts);
}

/** A repository in a directory of its own, and what it takes to make backups into it. */
export class BackupTestBed {
  private constructor(
    readonly folder: string,
    readonly repository: BackupRepository,
  ) {}

  static async create(encryption?: RepositoryEncryption): Promise<BackupTestBed> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-spec-'));
    const root = join(folder, 'repository');
    await mkdir(root);
    return new BackupTestBed(folder, openRepository({ name: 'offsite', url: pathToFileURL(root).href, encryption }));
  }

  /** The same place, for others who may read it. */
  reopen(encryption: RepositoryEncryption): BackupRepository {
    return openRepository({ name: 'offsite', url: pathToFileURL(join(this.folder, 'repository')).href, encryption });
  }

  deps(changes: Partial<PostgresDeps> = {}): PostgresDeps {
    return { ...this.depsOf(postgresEngine()), ...changes };
  }

  depsOf<D extends ProtectedDataset, F extends object>(engine: TakeBackupDeps<D, F>['engine']): TakeBackupDeps<D, F> {
    return { engine, repository: this.repository, clock: () => new Date(), holdfastVersion: '0.1.0' };
  }

  attempt<D extends ProtectedDataset>(dataset: D, changes: Partial<BackupAttempt<D>> = {}): BackupAttempt<D> {
    const random = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
    return {
      ...{ dataset, backupId: toUuidV7(new Date(), random), runId: randomUUID(), attempt: 1 },
      ...{ nonce: random.toString('hex').slice(0, 8), purpose: 'regular', method: 'dump' },
      ...changes,
    };
  }

  /** Every file below the repository, unfinished ones too. */
  async files(): Promise<string[]> {
    const entries = await readdir(join(this.folder, 'repository'), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }

  /** The rows of one table as the archive holds them: the lines between COPY and its end. */
  async rowsIn(key: string, table: string, scratch: ScratchDatabase): Promise<string[]> {
    const script = 'zstd -dc "$1" | "$2" --data-only --file=-';
    const args = ['-ec', script, 'sh', join(this.folder, 'repository', key), join(scratch.binDir, 'pg_restore')];
    const { stdout } = await runCommand({ program: 'sh', args }, { signal });
    const lines = stdout.split('\n');
    const start = lines.findIndex((line) => line.startsWith(`COPY ${table} `));
    if (start < 0) throw new Error(`the archive has no data of ${table}`);
    return lines.slice(start + 1, lines.indexOf('\\.', start));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
