import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { RedisServer } from '#common/testing/redis-server.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { root } from '#tools/check/root.js';
import { newId } from '#tools/platform/platform.js';
import { dropDatabases, newPassword, onServer, onUrl, ServerLogin } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type CliResult, holdfast } from './cli.js';

const PRODUCTS = 200;
const PICTURES = 12;

/** Programs of the operator's: what they change is real, and each may run again. Each writes down that it ran. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'provision-shop': 'test -n "$PROVIDER_TOKEN"',
  alembic:
    'exec psql "$DATABASE_URL" --quiet --set ON_ERROR_STOP=1 --command "ALTER TABLE products ADD COLUMN IF NOT EXISTS slug text"',
  systemctl: 'if [ "$1" = start ]; then touch "$0.serving"; else rm -f "$0.serving"; fi',
  'tell-team': 'true',
};

/**
 * What the plans of examples/plans/ bring back: a database with tenants, media and a cache, with backups of them, and the operator's programs
 * and backfill API around them. None of Holdfast's services runs, and there is neither catalog nor bus.
 */
export class PlanStage {
  readonly name = newId();
  readonly secrets = { adminToken: newPassword(), providerToken: newPassword() };
  private login!: ServerLogin;
  private storage!: S3Bed;
  private media!: BucketBed;
  private cache!: RedisServer;
  private api!: Server;
  private folder = '';
  /** Work that the backfill API has begun, by id, and whether it is over. */
  private readonly backfills = new Map<string, 'running' | 'succeeded'>();
  private pictures: Record<string, string> = {};

  static async set(): Promise<PlanStage> {
    const stage = new PlanStage();
    try {
      await stage.build();
      return stage;
    } catch (error) {
      await stage.strike();
      throw error;
    }
  }

  get configFile(): string {
    return join(this.folder, 'holdfast.yaml');
  }

  get stateDirectory(): string {
    return join(this.folder, 'recovery');
  }

  get databaseUrl(): string {
    return this.login.url(this.name);
  }

  /** Every secret value: none may be in a report. */
  get hidden(): string[] {
    return [this.login.password, ...Object.values(this.secrets), endpoints.s3.secretAccessKey];
  }

  get env(): Record<string, string> {
    const { port } = this.api.address() as AddressInfo;
    const { host, port: databasePort, binDir } = endpoints.postgres18;
    return {
      PATH: `${join(this.folder, 'bin')}:${binDir}:${process.env['PATH'] ?? ''}`,
      ...{ S3_KEY: endpoints.s3.secretAccessKey, SHOP_URL: this.databaseUrl, DATABASE_URL: this.databaseUrl },
      ...{ SERVER_URL: this.login.url('postgres'), DATABASE_SERVER: `${host}:${databasePort}` },
      ...{ PROVIDER_TOKEN: this.secrets.providerToken, ADMIN_TOKEN: this.secrets.adminToken },
      ADMIN_API: `http://127.0.0.1:${port}`,
    };
  }

  cli(...args: string[]): Promise<CliResult> {
    return holdfast([...args, '--config', this.configFile], this.env);
  }

  /** Runs `holdfast …` until a line of its output fits, and so much longer; then nothing of it can act any more. False: it ended before. */
  async cliKilledAt(pattern: RegExp, afterMs: number, ...args: string[]): Promise<boolean> {
    const main = join(root, 'dist/bin/holdfast.js');
    const child = spawn(process.execPath, [main, ...args, '--config', this.configFile], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let isKilled = false;
    const look = (chunk: Buffer): void => {
      said += chunk.toString();
      if (isKilled || !pattern.test(said)) return;
      isKilled = true;
      setTimeout(() => child.kill('SIGKILL'), afterMs);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    return signal === 'SIGKILL';
  }

  /** As after the disaster of the plan `whole-platform`. */
  async destroy(): Promise<void> {
    await dropDatabases('postgres18', `${this.name}%`);
    await this.media.destroy();
    await rm(join(this.folder, 'bin', 'systemctl.serving'), { force: true });
  }

  /** As after the disaster of the plan `database`. */
  async damage(): Promise<void> {
    await onUrl(
      this.databaseUrl,
      'DELETE FROM products WHERE id % 2 = 0',
      'ALTER TABLE orders DISABLE ROW LEVEL SECURITY',
    );
    await this.cache.client().set('session:1', 'of a state that is gone');
  }

  /** All that a plan brings back or changes. */
  async seen(): Promise<object> {
    const [products] = await onUrl<{ rows: number; slugs: number }>(
      this.databaseUrl,
      'SELECT count(*)::int AS rows, count(slug)::int AS slugs FROM products',
    );
    const [orders] = await onUrl<object>(
      this.databaseUrl,
      "SELECT relrowsecurity AS rls, (SELECT count(*)::int FROM orders) AS rows FROM pg_class WHERE relname = 'orders'",
    );
    return {
      products,
      orders,
      isMediaBack: JSON.stringify(await this.media.contents('media/')) === JSON.stringify(this.pictures),
      cached: await this.cache.client().dbsize(),
      isServing: await this.isServing(),
    };
  }

  /** The step that the newest run was at. */
  async openStep(): Promise<string | undefined> {
    const { steps } = JSON.parse((await this.cli('recovery', 'report', 'last', '--json')).stdout);
    return steps.find(({ progress }: { progress: string }) => progress === 'begun' || progress === 'failed')?.name;
  }

  /** How often a program of the operator's was run, by name. */
  async runsOf(program: string): Promise<number> {
    const log = await readFile(join(this.folder, 'bin', `${program}.runs`), 'utf8').catch(() => '');
    return log.split('\n').length - 1;
  }

  get begunBackfills(): number {
    return this.backfills.size;
  }

  async strike(): Promise<void> {
    this.api?.close();
    await this.cache?.remove();
    await this.media?.dispose();
    await this.storage?.dispose();
    await dropDatabases('postgres18', `${this.name}%`);
    await this.login?.drop();
    if (this.folder !== '') await rm(this.folder, { recursive: true, force: true });
  }

  private async build(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'holdfast-plans-'));
    this.login = await ServerLogin.create(`${this.name}_owner`, 'SUPERUSER');
    [this.storage, this.media] = [await S3Bed.make(), await BucketBed.make()];
    this.cache = await RedisServer.start('valkey');
    this.api = createServer((request, response) => void this.answer(request, response));
    await once(this.api.listen(0, '127.0.0.1'), 'listening');
    await this.writePrograms();
    await writeFile(this.configFile, JSON.stringify(await this.toConfig()));
    await onServer('postgres18', 'postgres', `CREATE DATABASE ${this.name}`);
    await onUrl(
      this.databaseUrl,
      `CREATE TABLE products AS SELECT id, 'Product ' || id AS name, md5(id::text) AS content FROM generate_series(1, ${PRODUCTS}) id`,
      'CREATE TABLE orders (id int PRIMARY KEY, tenant_id text NOT NULL)',
      'ALTER TABLE orders ENABLE ROW LEVEL SECURITY',
      "CREATE POLICY own ON orders USING (tenant_id = current_setting('app.tenant', true))",
      "INSERT INTO orders SELECT n, 'tenant ' || n % 5 FROM generate_series(1, 100) n",
    );
    for (let n = 0; n < PICTURES; n += 1) await this.media.put(`media/${n}.png`, `picture ${n}`);
    this.pictures = await this.media.contents('media/');
    for (const dataset of ['shop', 'media']) {
      const { exitCode, stdout, stderr } = await this.cli('backup', 'run', dataset, '--local');
      if (exitCode !== 0) throw new Error(`no backup of ${dataset}: ${stdout}${stderr}`);
    }
  }

  private async writePrograms(): Promise<void> {
    const bin = join(this.folder, 'bin');
    await mkdir(bin);
    for (const [name, line] of Object.entries(PROGRAMS)) {
      await writeFile(join(bin, name), `#!/bin/sh\necho "$HOLDFAST_RUN $*" >> "$0.runs"\n${line}\n`);
      await chmod(join(bin, name), 0o755);
    }
  }

  private async toConfig(): Promise<object> {
    const files = ['whole-platform', 'database'].map((name) => join(root, 'examples/plans', `${name}.yaml`));
    const examples = await Promise.all(
      files.map(async (file) => parse(await readFile(file, 'utf8')) as { plans: object }),
    );
    const { endpoint, region, accessKeyId } = endpoints.s3;
    const media = (prefix: string) => ({
      ...this.media.options(prefix),
      ...{ kind: 'bucket', secretAccessKey: '${env:S3_KEY}' },
    });
    const accepts = (dataset: string, strategies: string[], destination: string) => ({
      accepts: { datasets: [dataset], strategies, destinations: [destination] },
    });
    return {
      recovery: { directory: this.stateDirectory },
      repositories: {
        storage: { url: this.storage.url, endpoint, region, accessKeyId, secretAccessKey: '${env:S3_KEY}' },
      },
      datasets: {
        shop: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'] },
        media: { ...media('media'), repositories: ['storage'] },
        cache: { kind: 'redis', url: this.cache.url, repositories: ['storage'] },
      },
      targets: {
        production: {
          ...{ kind: 'postgres', url: '${env:SERVER_URL}', privileges: 'keep' },
          ...accepts('shop', ['new', 'in-place'], this.name),
        },
        media: { ...media(''), ...accepts('media', ['new', 'sync', 'mirror'], 'media') },
        cache: { kind: 'redis', url: this.cache.url, ...accepts('cache', ['replace'], '0') },
      },
      profiles: {
        shop: { probes: [{ use: 'checksums' }, { use: 'row-counts' }, { use: 'rls', behaviour: 'skip' }] },
        media: { probes: [{ use: 'inventory', digests: 'full' }] },
      },
      plans: Object.assign({}, ...examples.map(({ plans }) => plans)),
    };
  }

  private isServing(): Promise<boolean> {
    return readFile(join(this.folder, 'bin', 'systemctl.serving')).then(
      () => true,
      () => false,
    );
  }

  /** The operator's application: it fills what its migration added, in the background. */
  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const tell = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
    const url = request.url ?? '';
    if (url === '/health') return void tell(200, { state: (await this.isServing()) ? 'serving' : 'stopped' });
    if (request.headers.authorization !== `Bearer ${this.secrets.adminToken}`) return void tell(401, {});
    if (request.method === 'POST') {
      const id = String(request.headers['idempotency-key'] ?? `backfill-${this.backfills.size + 1}`);
      if (!this.backfills.has(id)) void this.backfill(id);
      return void tell(202, { id });
    }
    const state = this.backfills.get(decodeURIComponent(url.split('/').at(-1) ?? ''));
    return void (state === undefined ? tell(404, {}) : tell(200, { state }));
  }

  private async backfill(id: string): Promise<void> {
    this.backfills.set(id, 'running');
    await sleep(300);
    await onUrl(this.databaseUrl, "UPDATE products SET slug = lower(replace(name, ' ', '-'))");
    this.backfills.set(id, 'succeeded');
  }
}
