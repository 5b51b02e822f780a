import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { commitForStoppedGroup, readAllCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import { readRange } from '#common/bus/records/read-range.js';
import { TopicAdmin } from '#common/bus/topics/topic-admin.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { type KafkaEngine, kafkaEngine } from '#common/engines/kafka/kafka.engine.js';
import type { KafkaDataset, KafkaTarget, TopicsManifest } from '#common/engines/kafka/kafka-dataset.js';
import { parseProfile } from '#common/engines/profiles.js';
import { AppError } from '#common/errors/app-error.js';
import { openBackup } from '#common/operations/open-backup.js';
import {
  type RestoreDeps,
  type RestoreOutcome,
  restoreBackup,
  type SealedRestoreOrder,
} from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { Keyring } from '#common/sealing/keyring.js';
import { endpoints } from '#tools/services/endpoints.js';
import { BackupTestBed } from './backup-test-bed.js';
import { KafkaTestBed } from './kafka-test-bed.js';
import { noInventory } from './restored.js';

const { signal } = new AbortController();

export interface SeenRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: unknown;
}

/** Topics of one spec file on the real broker, and a repository for them. */
export class TopicsTestBed {
  private constructor(
    readonly bed: KafkaTestBed,
    readonly backups: BackupTestBed,
    private readonly admin: TopicAdmin,
    readonly engine: KafkaEngine,
  ) {}

  static async create(engine: KafkaEngine = kafkaEngine()): Promise<TopicsTestBed> {
    const bed = await KafkaTestBed.open();
    return new TopicsTestBed(bed, await BackupTestBed.create(), await TopicAdmin.open(bed.kafka), engine);
  }

  dataset(...names: readonly string[]): KafkaDataset {
    const include = names.length > 0 ? names.map((name) => this.bed.prefix + name) : [`${this.bed.prefix}*`];
    return {
      ...{ name: 'events', compression: { level: 1, threads: 1 }, include, exclude: [] },
      connection: this.target().connection,
    };
  }

  target(changes: Partial<KafkaTarget> = {}): KafkaTarget {
    const connection = { brokers: endpoints.kafka.brokers, ssl: false, sasl: undefined };
    return { name: 'staging', connection, rename: {}, replicationFactor: undefined, ...changes };
  }

  backup(...names: readonly string[]): Promise<Manifest> {
    return this.backupBy('topics', ...names);
  }

  backupBy(method: 'topics' | 'incremental', ...names: readonly string[]): Promise<Manifest> {
    const attempt = this.backups.attempt(this.dataset(...names), { method });
    return takeBackup(attempt, this.backups.depsOf(this.engine), signal);
  }

  async open(manifest: Manifest): Promise<TopicsManifest> {
    const { repository } = this.backups;
    return (await openBackup(manifest, { repository, engine: this.engine }, signal)).manifest;
  }

  order(manifest: Manifest, changes: Partial<SealedRestoreOrder> = {}): SealedRestoreOrder {
    const identity = { runId: randomUUID(), attempt: 1 };
    return { manifest, target: this.target(), destination: 'same', strategy: 'new', identity, ...changes };
  }

  /** Waits for other specs: of restores to names that topics had, a cluster takes one at a time. */
  async restore(order: SealedRestoreOrder, changes: Partial<RestoreDeps> = {}): Promise<RestoreOutcome> {
    const { folder, repository } = this.backups;
    const engine = this.engine as unknown as RestoreDeps['engine'];
    for (const end = Date.now() + 30_000; ; await sleep(100)) {
      try {
        return await restoreBackup(order, { repository, engine, workDirectory: folder, ...changes }, signal);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'restore.busy' || Date.now() > end) throw error;
      }
    }
  }

  async verify(manifest: Manifest, destination = 'same'): Promise<ProbeOutcome> {
    const [probe] = parseProfile({ probes: [{ use: 'topics' }] });
    const opened = await this.open(manifest);
    const context = {
      ...{ manifest: opened, dataset: this.dataset(), target: this.target(), destination },
      ...{ repository: this.backups.repository, keyring: Keyring.empty, inventory: noInventory, signal },
    };
    if (probe === undefined) throw new Error('there is no probe');
    return probe.run(context);
  }

  async delete(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.admin.remove(name);
  }

  async exists(topic: string): Promise<boolean> {
    return (await this.admin.list()).some(({ name }) => name === topic);
  }

  /** What is set for the topic itself. */
  async configs(topic: string): Promise<Record<string, string>> {
    const configs = (await this.admin.readConfigs([topic])).get(topic) ?? [];
    return Object.fromEntries(configs.filter(({ isOwn }) => isOwn).map(({ name, value }) => [name, value]));
  }

  /** Every committed record of a topic by partition, as a reader of committed records sees it. */
  async records(topic: string): Promise<SeenRecord[][]> {
    const cluster = await this.freshCluster();
    const starts = await readLogStarts(cluster, topic);
    const ends = await readLogEnds(cluster, topic);
    const all: SeenRecord[][] = [];
    for (const [partition, toOffset] of ends) {
      const range = { topic, partition, fromOffset: starts.get(partition) ?? 0n, toOffset };
      const seen: SeenRecord[] = [];
      for await (const { records } of readRange(cluster, range, { signal, untilUnstable: true }))
        seen.push(
          ...records.map(({ offset, timestamp, key, value, headers }) => ({
            ...{ offset: Number(offset), timestamp: Number(timestamp) },
            ...{ key: key?.toString() ?? null, value: value?.toString('latin1') ?? null, headers },
          })),
        );
      all.push(seen);
    }
    return all;
  }

  /** Moves a group that has no members. */
  async commit(group: string, topic: string, offsets: readonly number[]): Promise<void> {
    const commits = offsets.map((offset, partition) => ({
      topic,
      partition,
      offset: BigInt(offset),
      metadata: 'noted',
    }));
    await commitForStoppedGroup(this.bed.cluster, group, commits);
  }

  async committed(group: string): Promise<(readonly [string, number, number])[]> {
    const commits = await readAllCommitted(this.bed.cluster, group);
    return commits.map(({ topic, partition, offset }) => [topic, partition, Number(offset)] as const);
  }

  async close(): Promise<void> {
    await this.admin.close();
    await this.bed.close();
    await this.backups.remove();
  }

  /** kafkajs asks for every topic that a client has ever used, also when it is gone. */
  private async freshCluster(): Promise<KafkaCluster> {
    const cluster = await KafkaCluster.open(this.bed.kafka);
    this.bed.onClose(() => cluster.close());
    return cluster;
  }
}
