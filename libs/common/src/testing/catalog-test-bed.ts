import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { type Catalog, openCatalog } from '#common/catalog/catalog.js';
import type { NewRun } from '#common/catalog/stores/runs/run-queue.store.js';
import type { UntypedEvent } from '#common/contracts/envelope.js';
import type { RunId } from '#common/domain/ids.js';
import { endpoints } from '#tools/services/endpoints.js';

/** A migrated catalog on the real server, in a database that is dropped at the end. */
export class CatalogTestBed {
  private readonly catalogs: Catalog[] = [];

  private constructor(
    readonly url: string,
    readonly catalog: Catalog,
    /** A plain session in the catalog's database, for looking and for making trouble. */
    readonly admin: Client,
    private readonly isOurs: boolean,
  ) {}

  static async open(): Promise<CatalogTestBed> {
    const database = `holdfast_spec_${randomBytes(6).toString('hex')}`;
    await onServer(`CREATE DATABASE ${database}`);
    return CatalogTestBed.openUrl(toUrl(database), true);
  }

  /** In the catalog of a platform that runs; it stays when the bed is closed. */
  static at(url: string): Promise<CatalogTestBed> {
    return CatalogTestBed.openUrl(url, false);
  }

  private static async openUrl(url: string, isOurs: boolean): Promise<CatalogTestBed> {
    const catalog = await openCatalog({ url, applicationName: 'holdfast spec' });
    await catalog.migrate();
    const admin = new Client({ connectionString: url });
    admin.on('error', () => undefined);
    await admin.connect();
    return new CatalogTestBed(url, catalog, admin, isOurs);
  }

  get database(): string {
    return new URL(this.url).pathname.slice(1);
  }

  /** Another process's view of the same catalog. */
  async another(url = this.url): Promise<Catalog> {
    const catalog = await openCatalog({ url, applicationName: 'holdfast spec' });
    this.catalogs.push(catalog);
    return catalog;
  }

  /** Enqueues a run and returns it; everything that a spec does not care about is made up. */
  async enqueue(run: Partial<NewRun> = {}): Promise<NewRun> {
    const whole = aRun(run);
    await this.catalog.transaction((tx) => tx.runs.enqueue(whole));
    return whole;
  }

  async close(): Promise<void> {
    await Promise.all([this.catalog, ...this.catalogs].map((catalog) => catalog.close()));
    await this.admin.end();
    if (this.isOurs) await onServer(`DROP DATABASE ${this.database} WITH (FORCE)`);
  }
}

export function aRun(run: Partial<NewRun> = {}): NewRun {
  const id = randomUUID() as RunId;
  const dataset = run.dataset ?? `dataset-${id.slice(0, 8)}`;
  return {
    id,
    kind: 'backup',
    dataset,
    resource: `${run.kind ?? 'backup'}:${dataset}`,
    sourceHost: null,
    request: { dataset, method: 'dump' },
    requestVersion: 1,
    requestedBy: 'spec',
    requestId: id,
    correlationId: null,
    traceparent: null,
    priority: 0,
    deadlineAt: null,
    maxAttempts: 3,
    ...run,
  };
}

export const anEvent = (id: string, type = 'backup.completed'): UntypedEvent => ({
  specversion: '1.0',
  id,
  source: 'holdfast://spec',
  type,
  time: '2026-01-01T00:00:00.000Z',
  data: { id },
});

const toUrl = (database: string): string =>
  Object.assign(new URL(endpoints.postgres18.url), { pathname: database }).href;

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: endpoints.postgres18.url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
