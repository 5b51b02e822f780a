import { Partitioners, type Producer } from 'kafkajs';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { commitForStoppedGroup } from '#common/bus/kafka-groups.js';
import { onServer } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { Cluster } from '../support/cluster.js';
import { ORDERS } from '../support/estate.js';
import { DATASETS } from './actions.js';
import type { Reading } from './broken-replays.js';

export const SCHEDULE = 'often';

const small = {
  ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'] },
  toolDirectories: [endpoints.postgres18.binDir],
};

/** Over the cluster's own. Datasets `ledger` and `crm` are other names for the same small database: more that can go on at once. */
export const SOAK_CONFIG: Readonly<Record<string, object>> = {
  datasets: { ledger: small, crm: small },
  targets: {
    staging: {
      ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: small.toolDirectories, privileges: 'keep' },
      accepts: { datasets: DATASETS, strategies: ['new', 'in-place'], destinations: ['e2e_*'] },
    },
  },
  schedules: { [SCHEDULE]: { dataset: 'crm', cron: '*/15 * * * * *', overlap: 'skip' } },
  bus: { directAfterMs: 2_000 },
  executor: { slotsPerHost: 4, claimTtlMs: 6_000, claimRenewMs: 1_500 },
};

const JOURNAL = 'CREATE TABLE journal (id bigint PRIMARY KEY, note text NOT NULL)';

/** The shop whose data is protected: it goes on writing whatever happens to those who back it up. */
export class Surroundings {
  private placed = 0;
  private producer: Producer | undefined;
  private consumer: KafkaCluster | undefined;
  /** Of the consumer, the last time. */
  reading: Reading | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly cluster: Cluster) {}

  async open(): Promise<void> {
    const { estate } = this.cluster;
    await onServer('postgres18', estate.shop, JOURNAL);
    for (const live of ['live0', 'live1'])
      await onServer('postgres18', 'postgres', `CREATE DATABASE ${estate.id}_${live} TEMPLATE ${estate.shop}`);
    this.producer = this.cluster.bus.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await this.producer.connect();
    this.consumer = await KafkaCluster.open(this.cluster.bus.kafka);
  }

  /** One transaction after the other, so that every snapshot holds the journal up to some entry. */
  live(orders: number): Promise<unknown> {
    this.last = this.last.then(() => this.place(orders));
    return this.last;
  }

  async close(): Promise<void> {
    await this.last.catch(() => undefined);
    await this.producer?.disconnect();
    await this.consumer?.close();
  }

  private async place(orders: number): Promise<void> {
    const { estate } = this.cluster;
    const numbers = Array.from({ length: orders }, (_, n) => this.placed + n + 1);
    const messages = numbers.map((n) => ({ key: `tenant-${n % 5}`, value: `order ${ORDERS + n}` }));
    await this.producer?.send({ topic: estate.ordersTopic, messages });
    await onServer(
      'postgres18',
      estate.shop,
      `INSERT INTO journal SELECT n, md5(random()::text) FROM generate_series(${this.placed + 1}, ${this.placed + orders}) n`,
    );
    this.placed += orders;
    // As a consumer that has read them and is off again: no replay is for a group with members.
    const commit = { topic: estate.ordersTopic, partition: 0, offset: BigInt(ORDERS + this.placed), metadata: null };
    if (this.consumer === undefined) return;
    const fromMs = Date.now();
    await commitForStoppedGroup(this.consumer, estate.projector, [commit]);
    this.reading = { offset: Number(commit.offset), fromMs, toMs: Date.now() };
  }
}
