import { Redis } from 'ioredis';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { SleepingWorkflow } from '#common/testing/sleeping-workflow.js';
import { TemporalDatabases } from '#common/testing/temporal-databases.js';
import { TemporalServer } from '#common/testing/temporal-server.js';
import { dropDatabases, onServer } from '#tools/platform/server-login.js';
import { forgetTopics, readLag, withAdmin } from '#tools/sandbox/kafka.js';
import { poll } from '#tools/sandbox/poll.js';
import type { Scene } from '#tools/sandbox/scene.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import type { Counts } from './account.js';
import { CACHE_DATABASE, workflowsDatabase } from './sections.js';

/** How long the workflow sleeps: over the disaster, and not much longer. */
const NAP_SECONDS = 15;

/** The data of a whole platform: database, pictures and topic of the shop, its search, its sessions, and where its programs are there the workflows of a Temporal. */
export class Platform {
  private readonly cache = new Redis(`${endpoints.redis.url}/${CACHE_DATABASE}`, { lazyConnect: true });
  private readonly search: MeilisearchClient;
  private temporal: TemporalServer | undefined;
  private workflow: SleepingWorkflow | undefined;
  private sessions = 0;

  constructor(private readonly scene: Scene) {
    const { url, masterKey: apiKey } = endpoints.meilisearch;
    this.search = new MeilisearchClient({ url, apiKey }, scene.signal);
  }

  /** Removes what an earlier run left. */
  async forget(): Promise<void> {
    await this.scene.shop.run('drop');
    await this.destroyWorkflows();
    await this.cache.flushdb();
  }

  /** With a Temporal, or without. */
  async open(hasWorkflows: boolean): Promise<void> {
    const { shop } = this.scene;
    await shop.run('create');
    await Promise.all([shop.serve(), shop.project()]);
    await this.logIn(200);
    if (!hasWorkflows) return;
    await TemporalDatabases.create(workflowsDatabase(this.scene.sandbox));
    await this.startTemporal();
    await this.temporal?.registerNamespace();
  }

  /** Customers who log in: sessions, of which every third ends by itself tomorrow. */
  async logIn(count: number): Promise<void> {
    const from = this.sessions;
    this.sessions += count;
    const pipeline = this.cache.pipeline();
    for (let n = from; n < this.sessions; n += 1) {
      const session = [`session:${n}`, JSON.stringify({ customer: n, basket: [n % 7, n % 11] })] as const;
      if (n % 3 === 0) pipeline.set(...session, 'EX', 86_400);
      else pipeline.set(...session);
    }
    await pipeline.exec();
  }

  /** A workflow falls asleep; resolves when it sleeps. */
  async fallAsleep(): Promise<void> {
    if (this.temporal === undefined) return;
    this.workflow = await SleepingWorkflow.start(this.temporal, { seconds: NAP_SECONDS });
  }

  /** The restored Temporal is started, and the workflow that slept through the disaster finishes. Returns its result. */
  async wakeUp(): Promise<string | undefined> {
    if (this.workflow === undefined) return undefined;
    await this.startTemporal();
    return this.temporal === undefined ? undefined : this.workflow.finish(this.temporal);
  }

  /** Places orders over HTTP; with `wait` they are projected before this returns. */
  async order(count: number, { wait }: { readonly wait: boolean }): Promise<void> {
    await this.scene.shop.run('place-orders', '--count', String(count), ...(wait ? ['--wait'] : []));
  }

  changeCatalog(): Promise<unknown> {
    return this.scene.shop.run('change-catalog', '--count', '5');
  }

  summary(): Promise<ShopSummary> {
    return this.scene.shop.run<ShopSummary>('summary');
  }

  async count(): Promise<Counts> {
    const { topic, index } = this.scene.sandbox.shop;
    const summary = await this.summary();
    return {
      orders: summary.orders,
      products: summary.tenants.reduce((sum, { products }) => sum + products, 0),
      pictures: await this.countPictures(),
      documents: await this.search.countDocuments(index),
      sessions: await this.cache.dbsize(),
      events: await countEvents(topic),
      workflows: this.workflow === undefined ? null : await this.countWorkflows(),
    };
  }

  /** All of it, whole: databases, pictures, topic with its group, index, sessions, workflows. The roles of the database server stay. */
  async destroy(): Promise<void> {
    const { sandbox, shop, signal } = this.scene;
    await shop.stopProjecting();
    await shop.stopServing();
    await shop.run('drop', '--database-only');
    await shop.run('drop', '--pictures-only');
    await this.search.removeIndex(sandbox.shop.index);
    await this.cache.flushdb();
    await this.destroyWorkflows();
    await forgetTopics(sandbox.shop.topic, signal);
    await forgetTopics(sandbox.shop.group, signal);
  }

  /** Lets the projector read what a replay gave back to it, up to the end of the topic. */
  async catchUp(): Promise<void> {
    await this.scene.shop.project();
    const { topic, group } = this.scene.sandbox.shop;
    const isThere = async () => ((await readLag(topic, group)) === 0 ? true : undefined);
    await poll(isThere, { signal: this.scene.signal, what: 'the projector catching up' });
  }

  async close(): Promise<void> {
    this.cache.disconnect();
    await this.temporal?.stop();
  }

  private async startTemporal(): Promise<void> {
    this.temporal = await TemporalServer.start({ database: workflowsDatabase(this.scene.sandbox) });
  }

  private async destroyWorkflows(): Promise<void> {
    await this.temporal?.stop();
    this.temporal = undefined;
    await dropDatabases('postgres18', `${workflowsDatabase(this.scene.sandbox)}%`);
  }

  private async countPictures(): Promise<number> {
    const pictures = await BucketBed.named(this.scene.sandbox.shop.bucket);
    const keys = await pictures.keys();
    pictures.bed.close();
    return keys.length;
  }

  private async countWorkflows(): Promise<number> {
    const open = 'SELECT count(*)::int AS open FROM current_executions WHERE state IN (1, 2)';
    const [row] = await onServer<{ open: number }>('postgres18', workflowsDatabase(this.scene.sandbox), open);
    return row?.open ?? 0;
  }
}

const countEvents = (topic: string): Promise<number> =>
  withAdmin(async (admin) => {
    const partitions = await admin.fetchTopicOffsets(topic);
    return partitions.reduce((sum, { high, low }) => sum + Number(BigInt(high) - BigInt(low)), 0);
  });
