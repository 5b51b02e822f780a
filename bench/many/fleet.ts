import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import type { S3Bed } from '#common/testing/s3-bed.js';
import type { AppProcess } from '#tools/platform/app-process.js';
import { Platform } from '#tools/platform/platform.js';
import { urlOf } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';

export interface FleetPlan {
  /** Each is a dataset of the same name, unless `databaseOf` knows another database. */
  readonly databases: readonly string[];
  readonly databaseOf?: (name: string) => string;
  readonly schedulers: number;
  readonly executors: number;
  readonly concurrency: number;
  readonly slotsPerHost: number;
  /** Further sections of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** A gate in front of the catalog lets a benchmark shut it. */
  readonly toCatalogUrl?: (url: string) => string;
}

/** A platform of many schedulers, executors and datasets, with the benchmark's own sessions in its catalog and on its bus. */
export class Fleet {
  private constructor(
    readonly platform: Platform,
    readonly catalog: CatalogTestBed,
    readonly bus: KafkaTestBed,
  ) {}

  static async start(plan: FleetPlan): Promise<Fleet> {
    const { schedulers, executors, concurrency, slotsPerHost, toCatalogUrl } = plan;
    const services = [
      ...Array<'scheduler'>(schedulers).fill('scheduler'),
      ...Array<'executor'>(executors).fill('executor'),
    ];
    const datasets = plan.databases.map((name) => [name, toDataset(plan.databaseOf?.(name) ?? name)] as const);
    const platform = await Platform.start({
      ...{ services, retries: true, isWatched: false, ...(toCatalogUrl === undefined ? {} : { toCatalogUrl }) },
      secrets: { SOURCE_PASSWORD: endpoints.postgres18.password },
      config: {
        bus: { topicPartitions: 3 },
        datasets: Object.fromEntries(datasets),
        executor: { concurrency, slotsPerHost },
        ...plan.config,
      },
    });
    return new Fleet(
      platform,
      await CatalogTestBed.at(platform.catalogUrl),
      await KafkaTestBed.open(platform.topicPrefix),
    );
  }

  get apps(): readonly AppProcess[] {
    return this.platform.apps;
  }

  get storage(): S3Bed {
    return this.platform.storage;
  }

  async stop(): Promise<void> {
    await this.platform.stop();
    await this.catalog.close();
    await this.bus.close();
    await this.platform.close();
  }
}

const toDataset = (database: string): object => ({
  ...{ kind: 'postgres', repositories: ['storage'], toolDirectories: [endpoints.postgres18.binDir] },
  url: urlOf('postgres18', { database }).replace(`:${endpoints.postgres18.password}@`, ':${env:SOURCE_PASSWORD}@'),
  compression: { level: 3, threads: 1 },
});
