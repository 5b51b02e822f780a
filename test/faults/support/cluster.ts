import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Bed } from '#common/testing/s3-bed.js';
import type { AppName } from '#tools/platform/app-process.js';
import { BusWatch, type SeenEvent, type Where } from '#tools/platform/bus-watch.js';
import { toPlatformConfig } from '#tools/platform/platform-config.js';
import { onUrl, urlOf } from '#tools/platform/server-login.js';
import type { Waiting } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { Estate } from './estate.js';
import { openGates, Replica, type Surroundings } from './replica.js';

export interface ClusterPlan {
  /** Over what the cluster writes itself: `executor: { concurrency: 4 }`, further datasets or repositories. */
  readonly config?: Readonly<Record<string, object>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly surroundings?: Partial<Surroundings>;
  /** With the dataset `bulk`, which takes a while to make. */
  readonly hasBulk?: boolean;
  /** Added to what every app gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** What dead attempts of these runs have left in the servers of further datasets and targets. Default: nothing to look at. */
  readonly findLeft?: (runIds: readonly string[]) => Promise<readonly string[]>;
  /** Started at once; default: one of each. */
  readonly apps?: readonly AppName[];
}

const ALL: readonly AppName[] = ['scheduler', 'executor', 'verifier'];
const { postgres18, kafka, s3 } = endpoints;

/** Claims that are lost within seconds: what a killed process held goes on in the next one soon. */
const IMPATIENT = { maxAttempts: 10, claimTtlMs: 4_000, claimRenewMs: 1_000 };

/**
 * Any number of replicas of each app as real processes over the real services, with a catalog, topics, a bucket and an estate of one
 * spec file's own. Each replica goes through gates of its own, so that its steps can be seen and stopped from outside.
 */
export class Cluster {
  readonly replicas: Replica[] = [];
  private watch: BusWatch | undefined;

  private constructor(
    readonly estate: Estate,
    readonly storage: S3Bed,
    /** For files of the spec; gone with the cluster. */
    readonly folder: string,
    private readonly plan: ClusterPlan,
  ) {}

  static async start(plan: ClusterPlan = {}): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-faults-'));
    const cluster = new Cluster(await Estate.make(plan), await S3Bed.make(), folder, plan);
    try {
      await cluster.open();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get id(): string {
    return this.estate.id;
  }

  get topicPrefix(): string {
    return `${this.id}.`;
  }

  get datasets(): string[] {
    return Object.keys({ ...(this.estate.config as { datasets: object }).datasets, ...this.plan.config?.['datasets'] });
  }

  get bus(): BusWatch {
    if (this.watch === undefined) throw new Error('the cluster is not open');
    return this.watch;
  }

  get configFile(): string {
    return join(this.folder, 'holdfast.yaml');
  }

  /** Where restores spool; what a killed one leaves shows here. */
  get workDirectory(): string {
    return join(this.folder, 'work');
  }

  /** Starts one more process of the app, with gates of its own, and waits until it is ready unless `wait` is false. */
  async startApp(name: AppName, { env = {}, wait = true }: StartOptions = {}): Promise<Replica> {
    const gates = await openGates(this.places);
    const { catalog, source, target, storage, bus, cache, search } = gates;
    const places = this.toEnvironment({
      ...{ catalogPort: catalog.port, sourcePort: source.port, targetPort: target.port },
      ...{ storageEndpoint: storage.endpoint, busPort: bus.port, cachePort: cache?.port },
      searchEndpoint: search?.endpoint,
    });
    const replica = Replica.start(name, gates, {
      configFile: this.configFile,
      env: { ...places, ...this.plan.env, ...env },
    });
    this.replicas.push(replica);
    if (wait) await replica.ready();
    return replica;
  }

  /** The replica of the app that was started last: any earlier one is dead, or about to be. */
  replicaOf(name: AppName): Replica {
    const replica = this.replicas.findLast((one) => one.name === name);
    if (replica === undefined) throw new Error(`no ${name} was started`);
    return replica;
  }

  /** The first event of the type that fits; in vain, the error shows what was on the bus and in the logs. */
  next(type: string, where?: Where, waiting: Waiting = {}): Promise<SeenEvent> {
    return this.bus.next(type, where, { ...waiting, explain: () => this.explain() });
  }

  explain(): string {
    return this.replicas.map(({ app }) => app.tail()).join('\n');
  }

  /** A look into the catalog, past every API and every gate. */
  catalog<Row extends object>(statement: string): Promise<Row[]> {
    const { port } = this.places.catalog;
    return onUrl<Row>(urlOf('postgres18', { port, database: this.estate.catalog }), statement);
  }

  /** What dead attempts have left in the servers of further datasets and targets. */
  async findLeft(): Promise<readonly string[]> {
    const runs = await this.catalog<{ id: string }>('SELECT id FROM holdfast.runs');
    return (await this.plan.findLeft?.(runs.map(({ id }) => id))) ?? [];
  }

  /** The environment of a process that meets no gate: the command line, say. */
  get env(): Record<string, string> {
    return this.toEnvironment({
      ...{ catalogPort: this.places.catalog.port, sourcePort: postgres18.port, targetPort: postgres18.port },
      ...{ storageEndpoint: s3.endpoint, busPort: this.places.bus.port, cachePort: this.places.cache?.port },
      searchEndpoint: this.places.search && `http://${this.places.search.host}:${this.places.search.port}`,
    });
  }

  /** Leaves nothing behind. */
  async close(): Promise<void> {
    await Promise.all(this.replicas.map(({ app }) => app.kill()));
    await Promise.all(this.replicas.map((replica) => replica.closeGates()));
    await this.watch?.close();
    await this.storage.dispose();
    await this.estate.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get places(): Surroundings {
    return { catalog: postgres18, bus: kafka, ...this.plan.surroundings };
  }

  private async open(): Promise<void> {
    await mkdir(this.workDirectory);
    await this.writeConfig();
    await Promise.all((this.plan.apps ?? ALL).map((name) => this.startApp(name)));
    this.watch = await BusWatch.open(this.topicPrefix, [`${this.places.bus.host}:${this.places.bus.port}`]);
  }

  private toEnvironment(places: Places): Record<string, string> {
    const { catalogLogin, reader, writer, catalog, shop, bulk } = this.estate;
    return {
      PATH: process.env['PATH'] ?? '',
      CATALOG_URL: catalogLogin.url(catalog, places.catalogPort),
      SHOP_URL: reader.url(shop, places.sourcePort),
      BULK_URL: reader.url(bulk, places.sourcePort),
      TARGET_URL: writer.url('postgres', places.targetPort),
      S3_ENDPOINT: places.storageEndpoint,
      S3_KEY: s3.secretAccessKey,
      BUS_BROKER: `127.0.0.1:${places.busPort}`,
      CACHE_URL: `redis://127.0.0.1:${places.cachePort ?? 1}`,
      SEARCH_URL: places.searchEndpoint ?? 'http://127.0.0.1:1',
      API_TOKEN: `token-${this.id}`,
      ...this.plan.secrets,
    };
  }

  private async writeConfig(): Promise<void> {
    const { id, topicPrefix } = this;
    const base = this.estate.config as Record<string, object>;
    const added = Object.entries(this.plan.config ?? {}).map(([name, value]) => [name, { ...base[name], ...value }]);
    const storage = {
      ...{ url: `s3://${this.storage.bucket}/prod`, endpoint: '${env:S3_ENDPOINT}' },
      ...{ accessKeyId: s3.accessKeyId, secretAccessKey: '${env:S3_KEY}' },
    };
    const names = { id, topicPrefix, storage, apiUrl: 'http://127.0.0.1:1', brokers: ['${env:BUS_BROKER}'] };
    const executor = { ...IMPATIENT, workDirectory: this.workDirectory, sweepEveryMs: 3_000 };
    const sections = { ...base, ...Object.fromEntries(added) };
    await writeFile(this.configFile, toPlatformConfig(names, sections, { executor, verifier: IMPATIENT }));
  }
}

interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly wait?: boolean;
}

interface Places {
  readonly catalogPort: number;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly storageEndpoint: string;
  readonly busPort: number;
  readonly cachePort: number | undefined;
  readonly searchEndpoint: string | undefined;
}
