import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type AppName, AppProcess } from './app-process.js';
import { BusWatch, type SeenEvent, type Where } from './bus-watch.js';
import { dropDatabases, onServer, ServerLogin } from './server-login.js';
import type { Waiting } from './wait-until.js';

export interface PlatformPlan {
  /** `datasets`, `targets`, `profiles` and whatever else differs; `store` is a repository that is there. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What `${env:…}` in the configuration stands for. Every value of it is a secret that must never show. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Of the repository `store`; the identity by reference. */
  readonly encryption?: { readonly recipients: readonly string[]; readonly identity: string };
  readonly services?: readonly AppName[];
}

const ALL: readonly AppName[] = ['scheduler', 'executor', 'verifier'];

/** Names that no other spec file has, also in PostgreSQL and S3. */
export const newId = (): string => `e2e_${randomBytes(5).toString('hex')}`;

/**
 * The three services as real processes over the real broker, database and object store, with a catalog, topics and a bucket
 * of one spec file's own. What a spec sees of it is what its users see: the bus, the API, the command line, the store.
 */
export class Platform {
  readonly apps = new Map<AppName, AppProcess>();
  private readonly past: AppProcess[] = [];
  private watch: BusWatch | undefined;

  private constructor(
    readonly id: string,
    private readonly plan: PlatformPlan,
    private readonly places: { folder: string; store: S3Bed; catalogLogin: ServerLogin },
  ) {}

  static async start(plan: PlatformPlan): Promise<Platform> {
    const id = newId();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-e2e-'));
    const catalogLogin = await ServerLogin.create(`${id}_catalog`, '');
    await onServer('postgres18', 'postgres', `CREATE DATABASE ${id} OWNER ${catalogLogin.user}`);
    const platform = new Platform(id, plan, { folder, store: await S3Bed.make(), catalogLogin });
    try {
      await platform.open();
      return platform;
    } catch (error) {
      await platform.close();
      throw error;
    }
  }

  /** The bucket of the repository `store`. */
  get store(): S3Bed {
    return this.places.store;
  }

  /** For files of the spec; gone with the platform. */
  get folder(): string {
    return this.places.folder;
  }

  get topicPrefix(): string {
    return `${this.id}.`;
  }

  get bus(): BusWatch {
    if (this.watch === undefined) throw new Error('the platform is not open');
    return this.watch;
  }

  /** Values that may be in the configuration and in the environment of the apps, and nowhere else. */
  get secrets(): Readonly<Record<string, string>> {
    return {
      CATALOG_URL: this.places.catalogLogin.url(this.id),
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

  /** Everything that the apps wrote, also those that were killed or stopped. */
  get output(): string[] {
    return [...this.past, ...this.apps.values()].flatMap(({ output }) => output);
  }

  app(name: AppName): AppProcess {
    const app = this.apps.get(name);
    if (app === undefined) throw new Error(`the ${name} does not run`);
    return app;
  }

  /** Also again, after it was stopped or killed. */
  async startApp(name: AppName, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const previous = this.apps.get(name);
    if (previous !== undefined) this.past.push(previous);
    this.apps.set(name, AppProcess.start(name, { configFile: this.configFile, env: { ...this.env, ...env } }));
    await this.app(name).ready();
  }

  /** The first event of the type that fits; in vain, the error shows what was on the bus and in the logs. */
  next(type: string, where?: Where, waiting: Waiting = {}): Promise<SeenEvent> {
    const explain = () => [...this.apps.values()].map((app) => app.tail()).join('\n');
    return this.bus.next(type, where, { ...waiting, explain });
  }

  /** A look into the catalog, past every API. */
  catalog<Row extends object>(statement: string): Promise<Row[]> {
    return onServer<Row>('postgres18', this.id, statement);
  }

  /** Politely, all at once; the exit codes by name. */
  async stop(): Promise<Record<string, number | string>> {
    const codes = [...this.apps].map(async ([name, app]) => [name, await app.stop()] as const);
    return Object.fromEntries(await Promise.all(codes));
  }

  /** Leaves nothing behind. */
  async close(): Promise<void> {
    await this.stop();
    await this.watch?.close();
    await this.store.dispose();
    await dropDatabases('postgres18', `${this.id}%`);
    await this.places.catalogLogin.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async open(): Promise<void> {
    await this.writeConfig(this.configFile, 'http://127.0.0.1:1');
    await Promise.all((this.plan.services ?? ALL).map((name) => this.startApp(name)));
    const api = this.apps.get('scheduler')?.url ?? 'http://127.0.0.1:1';
    await this.writeConfig(this.cliConfigFile, api);
    this.watch = await BusWatch.open(this.topicPrefix);
  }

  /** JSON is YAML. Ports are 0: the system chooses them, so that no two specs can meet. */
  private async writeConfig(file: string, apiUrl: string): Promise<void> {
    const http = { port: 0 };
    const base = this.plan.config;
    const config = {
      ...base,
      instance: this.id.replace('_', '-'),
      bus: { brokers: endpoints.kafka.brokers, topicPrefix: this.topicPrefix, topicPartitions: 1 },
      catalog: { url: '${env:CATALOG_URL}' },
      api: { url: apiUrl, token: '${env:API_TOKEN}' },
      repositories: { store: this.repository('prod'), ...(base['repositories'] as object) },
      scheduler: { http, ...(base['scheduler'] as object) },
      executor: { http, maxAttempts: 1, retryForMs: 0, retryRestoresForMs: 0, ...(base['executor'] as object) },
      verifier: { http, maxAttempts: 1, retryForMs: 0, ...(base['verifier'] as object) },
    };
    await writeFile(file, JSON.stringify(config, null, 2));
  }

  private repository(prefix: string) {
    const { endpoint, accessKeyId } = endpoints.s3;
    const { encryption } = this.plan;
    const url = `s3://${this.store.bucket}/${prefix}`;
    return { url, endpoint, accessKeyId, secretAccessKey: '${env:S3_KEY}', ...(encryption ? { encryption } : {}) };
  }
}
