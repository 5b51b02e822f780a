import { type EnqueuedTaskPromise, Meilisearch, type Settings } from 'meilisearch';
import type { ShopConfig } from './config.js';

export type ProductDocument = {
  id: string;
  tenantId: string;
  name: string;
  description: string;
  priceCents: number;
  /** UTC, ISO 8601 with milliseconds. */
  updatedAt: string;
};

const SETTINGS: Settings = {
  searchableAttributes: ['name', 'description'],
  filterableAttributes: ['tenantId'],
  sortableAttributes: ['priceCents', 'updatedAt'],
};
const TASK_TIMEOUT_MS = 120_000;

/** The shop's products in Meilisearch. Every writing method returns once the search engine has done the work. */
export class ProductIndex {
  private readonly client: Meilisearch;
  private readonly name: string;

  constructor({ meili }: Pick<ShopConfig, 'meili'>) {
    this.client = new Meilisearch({ host: meili.url, apiKey: meili.key, timeout: 10_000 });
    this.name = meili.index;
  }

  async search(tenantId: string, text: string, limit: number): Promise<string[]> {
    const found = await this.client
      .index<ProductDocument>(this.name)
      .search(text, { filter: `tenantId = ${JSON.stringify(tenantId)}`, limit, attributesToRetrieve: ['id'] });
    return found.hits.map((hit) => hit.id);
  }

  put(documents: ProductDocument[]): Promise<void> {
    return done(this.client.index<ProductDocument>(this.name).addDocuments(documents, { primaryKey: 'id' }));
  }

  /**
   * Replaces the whole index by what `fill` adds, in one step: searches see the old products or the new ones, and documents
   * that `fill` does not add are gone. A `fill` that throws leaves the index as it was. Not for two callers at once.
   */
  async replace(fill: (add: (documents: ProductDocument[]) => Promise<void>) => Promise<void>): Promise<void> {
    await this.dropBuilds();
    const build = `${this.buildPrefix}${Date.now()}`;
    await done(this.client.createIndex(build, { primaryKey: 'id' }));
    await done(this.client.index(build).updateSettings(SETTINGS));
    await fill((documents) => done(this.client.index<ProductDocument>(build).addDocuments(documents)));
    if (!(await this.names()).includes(this.name)) await done(this.client.createIndex(this.name, { primaryKey: 'id' }));
    await done(this.client.swapIndexes([{ indexes: [this.name, build], rename: false }]));
    await done(this.client.deleteIndex(build));
  }

  async drop(): Promise<void> {
    await this.dropBuilds();
    if ((await this.names()).includes(this.name)) await done(this.client.deleteIndex(this.name));
  }

  private get buildPrefix(): string {
    return `${this.name}_build_`;
  }

  /** What a rebuild left that was killed. */
  private async dropBuilds(): Promise<void> {
    for (const name of await this.names()) {
      if (name.startsWith(this.buildPrefix)) await done(this.client.deleteIndex(name));
    }
  }

  private async names(): Promise<string[]> {
    const { results } = await this.client.getRawIndexes({ limit: 1_000 });
    return results.map((index) => index.uid);
  }
}

/** Meilisearch accepts first and works later: only a task that succeeded has happened. */
async function done(enqueued: EnqueuedTaskPromise): Promise<void> {
  const task = await enqueued.waitTask({ timeout: TASK_TIMEOUT_MS });
  if (task.status !== 'succeeded')
    throw new Error(`search task ${task.uid} ${task.status}: ${task.error?.message ?? 'no reason given'}`);
}
