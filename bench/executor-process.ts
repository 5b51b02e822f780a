import { setTimeout as sleep } from 'node:timers/promises';
import { isSettled } from '#common/domain/run.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import type { RepositoryOptions } from '#common/repository/open-repository.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { Platform } from '#tools/platform/platform.js';

/** A whole executor, as an operator runs it, on a platform of its own. */
export class ExecutorProcess {
  private constructor(
    private readonly platform: Platform,
    private readonly catalog: CatalogTestBed,
  ) {}

  static async start(dataset: PostgresDataset, repository: RepositoryOptions): Promise<ExecutorProcess> {
    const { name, ...place } = repository;
    const { user, password, host, port, database } = dataset.connection;
    const { toolDirectories, compression } = dataset;
    const options = { kind: 'postgres', url: '${env:SOURCE_URL}', repositories: [name], toolDirectories, compression };
    const platform = await Platform.start({
      ...{ services: ['executor'], retries: true, isWatched: false },
      secrets: { SOURCE_URL: `postgres://${user}:${password}@${host}:${port}/${database}` },
      config: { repositories: { [name]: place }, datasets: { [dataset.name]: options } },
    });
    return new ExecutorProcess(platform, await CatalogTestBed.at(platform.catalogUrl));
  }

  get pid(): number {
    return this.platform.app('executor').pid;
  }

  /** Queues a backup as intake does, and resolves when its run has completed. */
  async backUp(dataset: string): Promise<void> {
    const { id } = await this.catalog.enqueue({ kind: 'backup', dataset, request: { dataset, method: 'dump' } });
    for (;;) {
      const { state, problem } = await this.catalog.catalog.transaction((tx) => tx.runs.load(id));
      if (state === 'completed') return;
      if (isSettled(state)) throw new Error(`the backup ${state}: ${problem?.message}`);
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    await this.catalog.close();
    await this.platform.close();
  }
}
