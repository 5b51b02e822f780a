import { Partitioners } from 'kafkajs';
import { createKafka } from '#common/bus/kafka-client.js';
import { silentLogger } from '#common/testing/kafka-test-bed.js';
import { newId } from '#tools/platform/platform.js';
import { dropDatabases, onServer, onUrl, ServerLogin, urlOf } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { Surroundings } from './replica.js';

const { binDir } = endpoints.postgres18;
export interface EstatePlan {
  readonly hasBulk?: boolean;
  /** Where the catalog and the topics go; default: the services that all specs share. */
  readonly surroundings?: Partial<Surroundings>;
}

export const ORDERS = 200;
/** The projector has seen half of the orders: a replay has something to do. */
export const SEEN_ORDERS = 100;

/**
 * What a cluster protects: a small database with a topic (dataset `shop`), one whose dump takes several parts of an upload
 * (dataset `bulk`, on demand), and a server to restore to (target `staging`, databases `<id>_…`). All under names of one spec file.
 */
export class Estate {
  private constructor(
    readonly id: string,
    readonly catalogLogin: ServerLogin,
    readonly reader: ServerLogin,
    readonly writer: ServerLogin,
  ) {}

  static async make({ hasBulk = false, surroundings = {} }: EstatePlan = {}): Promise<Estate> {
    const id = newId();
    const catalogLogin = await ServerLogin.create(`${id}_catalog`, '');
    const reader = await ServerLogin.create(`${id}_reader`, 'BYPASSRLS IN ROLE pg_read_all_data');
    const writer = await ServerLogin.create(`${id}_writer`, 'SUPERUSER');
    const estate = new Estate(id, catalogLogin, reader, writer);
    const create = (name: string, ...options: string[]) =>
      onServer('postgres18', 'postgres', `CREATE DATABASE ${name} ${options.join(' ')}`);
    if (surroundings.catalog === undefined) await create(estate.catalog, `OWNER ${catalogLogin.user}`);
    else await makeCatalogAt(surroundings.catalog.port, estate);
    await create(estate.shop);
    await onServer('postgres18', estate.shop, ...SHOP);
    if (hasBulk) {
      await create(estate.bulk);
      await onServer('postgres18', estate.bulk, BULK);
    }
    await makeOrders(estate, surroundings.bus ?? endpoints.kafka);
    return estate;
  }

  get catalog(): string {
    return `${this.id}_catalog`;
  }

  get shop(): string {
    return `${this.id}_shop`;
  }

  get bulk(): string {
    return `${this.id}_bulk`;
  }

  /** Read by the group `projector`, half of it. */
  get ordersTopic(): string {
    return `${this.id}.orders`;
  }

  get copiesTopic(): string {
    return `${this.id}.copies`;
  }

  get projector(): string {
    return `${this.id}.projector`;
  }

  /** `datasets`, `targets` and `profiles` of holdfast.yaml. */
  get config(): object {
    const dataset = (url: string) => ({ kind: 'postgres', url, repositories: ['storage'], toolDirectories: [binDir] });
    const replay = { modes: ['reset', 'republish'], destinations: [this.copiesTopic] };
    return {
      datasets: {
        shop: {
          ...dataset('${env:SHOP_URL}'),
          topics: [{ name: this.ordersTopic, groups: [this.projector], replay }],
        },
        bulk: { ...dataset('${env:BULK_URL}'), compression: { level: 1, threads: 1 } },
      },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
          accepts: {
            ...{ datasets: ['shop', 'bulk'], strategies: ['new', 'in-place'] },
            destinations: [`${this.id}_*`],
          },
        },
      },
      profiles: { quick: { probes: [{ use: 'checksums' }, { use: 'row-counts' }, { use: 'fingerprints' }] } },
    };
  }

  /** Topics and groups go with everything else below the prefix, when the bus is not watched any more. */
  async remove(): Promise<void> {
    await dropDatabases('postgres18', `${this.id}%`);
    for (const login of [this.catalogLogin, this.reader, this.writer]) await login.drop();
  }
}

const SHOP = [
  'CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL)',
  `INSERT INTO tenants SELECT n, 'tenant ' || n FROM generate_series(1, 5) n`,
  'CREATE TABLE orders (id int PRIMARY KEY, tenant_id int REFERENCES tenants, note text NOT NULL)',
  `INSERT INTO orders SELECT n, 1 + n % 5, md5(n::text) FROM generate_series(1, ${SEEN_ORDERS}) n`,
];

/** Twelve MiB that no compression makes smaller: more than one part of an upload. */
const BULK = `CREATE TABLE notes AS SELECT n, string_agg(sha512(random()::text::bytea), '') AS bytes
  FROM generate_series(1, 3000) n, generate_series(1, 64) GROUP BY n`;

/** On a server of the spec's own, with the same superuser. */
async function makeCatalogAt(port: number, { catalog, catalogLogin: { user, password } }: Estate): Promise<void> {
  await onUrl(
    urlOf('postgres18', { port, database: 'postgres' }),
    `CREATE ROLE ${user} LOGIN PASSWORD '${password}'`,
    `CREATE DATABASE ${catalog} OWNER ${user}`,
  );
}

async function makeOrders(
  { ordersTopic, copiesTopic, projector }: Estate,
  { host, port }: Surroundings['bus'],
): Promise<void> {
  const client = createKafka({ brokers: [`${host}:${port}`], clientId: 'estate', logger: silentLogger });
  const [admin, producer] = [client.admin(), client.producer({ createPartitioner: Partitioners.DefaultPartitioner })];
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    const topics = [ordersTopic, copiesTopic].map((topic) => ({ topic, numPartitions: 1 }));
    await admin.createTopics({ topics, waitForLeaders: true });
    const messages = Array.from({ length: ORDERS }, (_, n) => ({ key: `tenant-${n % 5}`, value: `order ${n + 1}` }));
    await producer.send({ topic: ordersTopic, messages });
    const partitions = [{ partition: 0, offset: String(SEEN_ORDERS) }];
    await admin.setOffsets({ groupId: projector, topic: ordersTopic, partitions });
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}
