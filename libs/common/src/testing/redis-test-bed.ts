import { randomUUID } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RestoreOrder } from '#common/engines/engine.js';
import { redis } from '#common/engines/redis/redis.engine.js';
import type { RedisDataset, RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { openBackup } from '#common/operations/open-backup.js';
import { type RestoreDeps, type RestoreOutcome, restoreBackup } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { BackupTestBed } from './backup-test-bed.js';
import { RedisServer, type ServerMake, type ServerOptions } from './redis-server.js';

const { signal } = new AbortController();

/** Servers and a repository of one spec, all gone at its end. */
export class RedisTestBed {
  readonly servers: RedisServer[] = [];

  private constructor(readonly backups: BackupTestBed) {}

  static async create(): Promise<RedisTestBed> {
    return new RedisTestBed(await BackupTestBed.create());
  }

  async start(make: ServerMake, o: ServerOptions = {}): Promise<RedisServer> {
    const server = await RedisServer.start(make, o);
    this.servers.push(server);
    return server;
  }

  async backup(dataset: RedisDataset, method = 'rdb') {
    const made = await takeBackup(this.backups.attempt(dataset, { method }), this.backups.depsOf(redis), signal);
    const { repository } = this.backups;
    return (await openBackup(made, { repository, engine: redis }, signal)).manifest;
  }

  target(server: RedisServer, changes: Partial<RedisTarget> = {}): RedisTarget {
    return { name: 'staging', connection: server.connection, directory: undefined, copy: 'dump', ...changes };
  }

  async restore(
    manifest: Manifest,
    target: RedisTarget,
    o: Partial<Pick<RestoreOrder, 'destination' | 'strategy' | 'identity'>> & {
      readonly deps?: Partial<RestoreDeps>;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<RestoreOutcome> {
    const { destination = 'all', strategy = 'new', identity = { runId: randomUUID(), attempt: 1 } } = o;
    const { folder, repository } = this.backups;
    const deps = { repository, engine: redis, workDirectory: folder, ...o.deps } as RestoreDeps;
    return restoreBackup({ manifest, target, destination, strategy, identity }, deps, o.signal ?? signal);
  }

  async remove(): Promise<void> {
    for (const server of this.servers) await server.remove();
    await this.backups.remove();
  }
}

/** Every key of the databases with a digest of its value by the server itself, its end, and the state of its groups. */
export async function describeKeys(
  client: Redis,
  databases: readonly number[] = [0, 3],
): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const db of databases) {
    await client.select(db);
    for (const key of await client.keysBuffer('*')) {
      const type = await client.type(key);
      const digest =
        type === 'zset' ? await describeScores(client, key) : await client.call('DEBUG', 'DIGEST-VALUE', key);
      const groups = type === 'stream' ? await describeGroups(client, key) : undefined;
      found[`${db} ${key.toString('latin1')}`] = [type, digest, await client.call('PEXPIRETIME', key), groups];
    }
  }
  await client.select(0);
  return found;
}

/** Makes print scores differently, and digest what they print. */
async function describeScores(client: Redis, key: Buffer): Promise<unknown> {
  const words = await client.zrange(key, 0, -1, 'WITHSCORES');
  return words.map((word, index) => (index % 2 === 1 && /^[\d.e+-]+$/.test(word) ? Number(word) : word));
}

async function describeGroups(client: Redis, key: Buffer): Promise<unknown> {
  const full = (await client.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0')) as unknown[];
  const at = (name: string): unknown => full[full.indexOf(name) + 1];
  const groups = (at('groups') as unknown[][]).map((group) => {
    const of = (name: string): unknown => group[group.indexOf(name) + 1];
    const consumers = (of('consumers') as unknown[][]).map((each) => [each[1], each[each.indexOf('pending') + 1]]);
    return [of('name'), of('last-delivered-id'), of('entries-read'), of('pel-count'), of('pending'), consumers];
  });
  return [at('length'), at('last-generated-id'), at('entries-added'), at('max-deleted-entry-id'), groups];
}

export async function countOfCluster(cluster: Cluster): Promise<number> {
  const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()));
  return sizes.reduce((sum, size) => sum + size, 0);
}
