import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type AppName, AppProcess } from '../../test/support/app-process.js';
import { urlOf } from './source-databases.js';

export interface FleetPlan {
  /** Each is a dataset of the same name, unless `databaseOf` knows another database. */
  readonly databases: readonly string[];
  readonly databaseOf?: (name: string) => string;
  readonly schedulers: number;
  readonly executors: number;
  readonly concurrency: number;
  readonly slotsPerHost: number;
  /** Whatever else the configuration should say. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: the catalog's own address; a gate in front of it lets a benchmark shut it. */
  readonly toCatalogUrl?: (url: string) => string;
}

/** Schedulers and executors as operators run them, each a process of its own, over real services. */
export class Fleet {
  readonly schedulers: AppProcess[] = [];
  readonly executors: AppProcess[] = [];

  private constructor(
    readonly catalog: CatalogTestBed,
    readonly bus: KafkaTestBed,
    readonly store: S3Bed,
    private readonly folder: string,
  ) {}

  static async start(plan: FleetPlan): Promise<Fleet> {
    const [catalog, bus, store] = [await CatalogTestBed.open(), await KafkaTestBed.open(), await S3Bed.make()];
    const fleet = new Fleet(catalog, bus, store, await mkdtemp(join(tmpdir(), 'holdfast-bench-')));
    try {
      await fleet.open(plan);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  get apps(): readonly AppProcess[] {
    return [...this.schedulers, ...this.executors];
  }

  get configFile(): string {
    return join(this.folder, 'holdfast.yaml');
  }

  /** The same, and where the API is. */
  get cliConfigFile(): string {
    return join(this.folder, 'cli.yaml');
  }

  get env(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      CATALOG_URL: this.catalogUrl,
      API_TOKEN: 'token-of-a-benchmark',
      SOURCE_PASSWORD: endpoints.postgres18.password,
      S3_KEY: endpoints.s3.secretAccessKey,
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.apps.map((app) => app.stop()));
    await this.catalog.close();
    await this.bus.close();
    await this.store.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }

  private catalogUrl = '';

  private async open(plan: FleetPlan): Promise<void> {
    this.catalogUrl = plan.toCatalogUrl?.(this.catalog.url) ?? this.catalog.url;
    // Every JSON document is YAML.
    const config = toConfig(plan, this);
    await writeFile(this.configFile, JSON.stringify(config));
    // One after another, so that the start of one does not make another's look slow.
    for (let count = 0; count < plan.schedulers; count += 1) this.schedulers.push(await this.startApp('scheduler'));
    for (let count = 0; count < plan.executors; count += 1) this.executors.push(await this.startApp('executor'));
    const api = { url: this.schedulers[0]?.url, token: '${env:API_TOKEN}' };
    await writeFile(this.cliConfigFile, JSON.stringify({ ...config, api }));
  }

  private async startApp(name: AppName): Promise<AppProcess> {
    const app = AppProcess.start(name, { configFile: this.configFile, env: this.env });
    await app.ready();
    return app;
  }
}

function toConfig(plan: FleetPlan, { bus, store }: Fleet): object {
  const http = { port: 0 };
  const { endpoint, accessKeyId } = endpoints.s3;
  const toolDirectories = [endpoints.postgres18.binDir];
  const toDataset = (name: string) => ({
    ...{
      kind: 'postgres',
      url: withSecret(urlOf(plan.databaseOf?.(name) ?? name)),
      repositories: ['store'],
      toolDirectories,
    },
    compression: { level: 3, threads: 1 },
  });
  return {
    instance: 'bench',
    bus: { brokers: endpoints.kafka.brokers, topicPrefix: bus.prefix },
    catalog: { url: '${env:CATALOG_URL}' },
    api: { token: '${env:API_TOKEN}' },
    repositories: {
      store: { url: `s3://${store.bucket}/bench`, endpoint, accessKeyId, secretAccessKey: '${env:S3_KEY}' },
    },
    datasets: Object.fromEntries(plan.databases.map((name) => [name, toDataset(name)])),
    scheduler: { http },
    executor: { http, concurrency: plan.concurrency, slotsPerHost: plan.slotsPerHost },
    ...plan.config,
  };
}

const withSecret = (url: string): string =>
  url.replace(`:${endpoints.postgres18.password}@`, ':${env:SOURCE_PASSWORD}@');
