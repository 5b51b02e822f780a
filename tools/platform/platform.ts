import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type AppName, AppProcess, appNames } from './app-process.js';
import { BusWatch, type SeenEvent, type Where } from './bus-watch.js';
import { toPlatformConfig } from './platform-config.js';
import { dropDatabases, onServer, ServerLogin } from './server-login.js';
import type { Waiting } from './wait-until.js';

export interface PlatformPlan {
  /** `datasets`, `targets`, `profiles` and whatever else differs; `storage` is a repository that is there. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What `${env:…}` in the configuration stands for. Every value of it is a secret that must never show. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Of the repository `storage`; the identity by reference. */
  readonly encryption?: { readonly recipients: readonly string[]; readonly identity: string };
  /** Started at once; a name that is repeated starts a replica. Default: one of each. */
  readonly services?: readonly AppName[];
  /** As operators have it; default: the first attempt that fails fails its run, so that a spec sees why. */
  readonly retries?: boolean;
  /** Default: every event on the bus is read and kept. */
  readonly isWatched?: boolean;
  /** How the services reach the catalog; default: at its own address, without a gate in front of it. */
  readonly toCatalogUrl?: (url: string) => string;
}

/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:1';
const NO_RETRIES = { maxAttempts: 1, retryForMs: 0 };

/** Names that no other platform has, also in PostgreSQL and S3. */
export const newId = (): string => `e2e_${randomBytes(5).toString('hex')}`;

/**
 * The three services as real processes over the real broker, database and storage, with a catalog, topics and a bucket
 * of their own: for one spec file, or one benchmark. What is seen of it is what its users see: the bus, the API, the command line, the storage.
 */
export class Platform {
  /** All that were started, also those that were killed or stopped. */
  readonly apps: AppProcess[] = [];
  private watch: BusWatch | undefined;

  private constructor(
    readonly id: string,
    private readonly plan: PlatformPlan,
    private readonly places: { folder: string; storage: S3Bed; catalogLogin: ServerLogin },
  ) {}

  static async start(plan: PlatformPlan): Promise<Platform> {
    const id = newId();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-platform-'));
    const catalogLogin = await ServerLogin.create(`${id}_catalog`, '');
    await onServer('postgres18', 'postgres', `CREATE DATABASE ${id} OWNER ${catalogLogin.user}`);
    const platform = new Platform(id, plan, { folder, storage: await S3Bed.make(), catalogLogin });
    try {
      await platform.open();
      return platform;
    } catch (error) {
      await platform.close();
      throw error;
    }
  }

  /** The bucket of the repository `storage`. */
  get storage(): S3Bed {
    return this.places.storage;
  }

  /** For files of the spec or benchmark; gone with the platform. */
  get folder(): string {
    return this.places.folder;
  }

  get topicPrefix(): string {
    return `${this.id}.`;
  }

  get bus(): BusWatch {
    if (this.watch === undefined) throw new Error('nothing watches the bus of this platform');
    return this.watch;
  }

  /** Its own address, past every gate. */
  get catalogUrl(): string {
    return this.places.catalogLogin.url(this.id);
  }

  /** Values that may be in the configuration and in the environment of the apps, and nowhere else. */
  get secrets(): Readonly<Record<string, string>> {
    const { catalogUrl } = this;
    return {
      CATALOG_URL: this.plan.toCatalogUrl?.(catalogUrl) ?? catalogUrl,
      CATALOG_PASSWORD: this.places.catalogLogin.password,
      API_TOKEN: `token-${this.id}`,
      S3_KEY: endpoints.s3.secretAccessKey,
      ...this.plan.secrets,
    };
  }

  /** What an app's or the command line's process gets; PATH for the tools of the system. */
  get env(): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '', ...this.secrets };
  }

  /** For the services; the one for the command line also knows where the API is. */
  get configFile(): string {
    return join(this.folder, 'holdfast.yaml');
  }

  get cliConfigFile(): string {
    return join(this.folder, 'cli.yaml');
  }

  /** Everything that the apps wrote. */
  get output(): string[] {
    return this.apps.flatMap(({ output }) => output);
  }

  /** The one of that name that was started last. */
  app(name: AppName): AppProcess {
    const app = this.apps.findLast((each) => each.name === name);
    if (app === undefined) throw new Error(`no ${name} was started`);
    return app;
  }

  /** One more: a replica, or the next one after a stop or a kill. */
  async startApp(name: AppName, env: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
    const app = AppProcess.start(name, { configFile: this.configFile, env: { ...this.env, ...env } });
    this.apps.push(app);
    await app.ready();
    return app;
  }

  /** The first event of the type that fits; in vain, the error shows what was on the bus and in the logs. */
  next(type: string, where?: Where, waiting: Waiting = {}): Promise<SeenEvent> {
    return this.bus.next(type, where, { ...waiting, explain: () => this.tail() });
  }

  /** The end of the log of each app that runs. */
  tail(): string {
    const running = this.apps.filter(({ hasEnded }) => !hasEnded);
    return running.map((app) => app.tail()).join('\n');
  }

  /** A look into the catalog, past every API. */
  catalog<Row extends object>(statement: string): Promise<Row[]> {
    return onServer<Row>('postgres18', this.id, statement);
  }

  /** Politely, all at once; the exit codes by name, of the one that was started last. */
  async stop(): Promise<Record<string, number | string>> {
    const codes = this.apps.map(async (app) => [app.name, await app.stop()] as const);
    return Object.fromEntries(await Promise.all(codes));
  }

  /** Leaves nothing behind. */
  async close(): Promise<void> {
    await this.stop();
    await this.watch?.close();
    await this.storage.dispose();
    await dropDatabases('postgres18', `${this.id}%`);
    await this.places.catalogLogin.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async open(): Promise<void> {
    await this.writeConfig(this.configFile, NOWHERE);
    const { services = appNames, isWatched = true } = this.plan;
    const kinds = [...new Set(services)];
    await Promise.all(kinds.map((name) => this.startApp(name)));
    // One after another, so that the start of one does not make another's look slow.
    const replicas = services.filter((name, index) => services.indexOf(name) !== index);
    for (const name of replicas) await this.startApp(name);
    const scheduler = this.apps.find(({ name }) => name === 'scheduler');
    await this.writeConfig(this.cliConfigFile, scheduler?.url ?? NOWHERE);
    if (isWatched) this.watch = await BusWatch.open(this.topicPrefix);
  }

  private async writeConfig(file: string, apiUrl: string): Promise<void> {
    const { id, topicPrefix } = this;
    const { config, retries = false } = this.plan;
    const tries = retries ? {} : NO_RETRIES;
    const names = { id, topicPrefix, apiUrl, brokers: endpoints.kafka.brokers, storage: this.repository('prod') };
    const defaults = { executor: { ...tries, ...(retries ? {} : { retryRestoresForMs: 0 }) }, verifier: tries };
    await writeFile(file, toPlatformConfig(names, config, defaults));
  }

  private repository(prefix: string) {
    const { endpoint, accessKeyId } = endpoints.s3;
    const { encryption } = this.plan;
    const url = `s3://${this.storage.bucket}/${prefix}`;
    return { url, endpoint, accessKeyId, secretAccessKey: '${env:S3_KEY}', ...(encryption ? { encryption } : {}) };
  }
}
