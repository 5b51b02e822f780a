import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSettled } from '#common/domain/run.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import type { RepositoryOptions } from '#common/repository/open-repository.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { AppProcess } from '../test/support/app-process.js';

/** A whole executor, as an operator runs it, with a catalog and topics of its own. */
export class ExecutorProcess {
  private constructor(
    private readonly app: AppProcess,
    private readonly catalog: CatalogTestBed,
    private readonly bus: KafkaTestBed,
    private readonly folder: string,
  ) {}

  static async start(dataset: PostgresDataset, repository: RepositoryOptions): Promise<ExecutorProcess> {
    const [catalog, bus] = [await CatalogTestBed.open(), await KafkaTestBed.open()];
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    const configFile = join(folder, 'holdfast.yaml');
    const { name, ...store } = repository;
    const { user, password, host, port, database } = dataset.connection;
    const config = {
      bus: { brokers: endpoints.kafka.brokers, topicPrefix: bus.prefix },
      catalog: { url: '${env:CATALOG_URL}' },
      repositories: { [name]: store },
      datasets: {
        [dataset.name]: {
          ...{ kind: 'postgres', url: '${env:SOURCE_URL}', repositories: [name] },
          ...{ toolDirectories: dataset.toolDirectories, compression: dataset.compression },
        },
      },
      executor: { http: { port: 0 } },
    };
    // Every JSON document is YAML.
    await writeFile(configFile, JSON.stringify(config));
    const env = {
      PATH: process.env['PATH'] ?? '',
      CATALOG_URL: catalog.url,
      SOURCE_URL: `postgres://${user}:${password}@${host}:${port}/${database}`,
    };
    const app = AppProcess.start('executor', { configFile, env });
    await app.ready();
    return new ExecutorProcess(app, catalog, bus, folder);
  }

  get pid(): number {
    return this.app.pid;
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
    await this.app.stop();
    await this.catalog.close();
    await this.bus.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
