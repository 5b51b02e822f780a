import { endpoints } from '#tools/services/endpoints.js';
import { findSecrets } from '../../support/secret-hunt.js';
import { onServer } from '../../support/server-login.js';
import type { Cluster } from '../support/cluster.js';
import type { Errand } from './errands.js';

interface Content {
  readonly digest: string;
  readonly last: string;
}

const SHOP_TABLES = (upTo: string) => `
  SELECT coalesce(max(id), 0) AS last, md5(concat(
    (SELECT string_agg(t::text, ';' ORDER BY id) FROM tenants t),
    (SELECT string_agg(o::text, ';' ORDER BY id) FROM orders o),
    string_agg(j::text, ';' ORDER BY id))) AS digest
  FROM journal j WHERE id <= ${upTo}`;
const BULK_TABLES = `SELECT 0 AS last, md5(string_agg(md5(n::text), '' ORDER BY n.n)) AS digest FROM notes n`;
const ALL = '9223372036854775807';

const read = async (database: string, statement: string): Promise<Content> => {
  const [content] = await onServer<Content>('postgres18', database, statement);
  if (content === undefined) throw new Error(`${database} has no content`);
  return content;
};

/** Row for row what its source had at some moment: the journal up to an entry, and everything else. */
export async function findDifference({ estate }: Cluster, dataset: string, database: string): Promise<string[]> {
  try {
    const isBulk = dataset === 'bulk';
    const restored = await read(database, isBulk ? BULK_TABLES : SHOP_TABLES(ALL));
    const source = await read(isBulk ? estate.bulk : estate.shop, isBulk ? BULK_TABLES : SHOP_TABLES(restored.last));
    return restored.digest === source.digest
      ? []
      : [`${database} is not what ${dataset} was at entry ${restored.last}`];
  } catch (error) {
    return [`${database} cannot be compared with ${dataset}: ${error}`];
  }
}

/** Whole when the restore was called completed; else not there, or as it was. */
export async function findBrokenRestores(cluster: Cluster, errands: readonly Errand[]): Promise<string[]> {
  const completed = await cluster.catalog<{ id: string }>(
    `SELECT id FROM holdfast.runs WHERE kind = 'restore' AND state = 'completed'`,
  );
  const databases = await onServer<{ datname: string }>('postgres18', 'postgres', 'SELECT datname FROM pg_database');
  const isThere = (name: string) => databases.some(({ datname }) => datname === name);
  const broken: string[] = [];
  for (const { request, runId, id, database } of errands) {
    if (request.ask !== 'restore' || database === undefined) continue;
    const isDone = completed.some((run) => run.id === runId);
    if (isDone || request.into !== 'new') broken.push(...(await findDifference(cluster, request.dataset, database)));
    else if (isThere(database)) broken.push(`${database} is there, though request ${id} was not completed`);
  }
  return [...new Set(broken)];
}

/** Each original once in every replay, whoever began it and whoever went on. */
export async function findDoubleCopies(cluster: Cluster): Promise<string[]> {
  const { kafka } = cluster.bus;
  const topic = cluster.estate.copiesTopic;
  const admin = kafka.admin();
  await admin.connect();
  const [end] = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const seen = new Map<string, number>();
  if (end === undefined || Number(end.high) === 0) return [];
  const consumer = kafka.consumer({ groupId: `${cluster.topicPrefix}copies`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise: isRead, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }) => {
      for (const { headers = {} } of batch.messages) {
        const origin = ['replay-id', 'original-partition', 'original-offset'].map(
          (name) => headers[`holdfast-${name}`],
        );
        seen.set(origin.join(' '), (seen.get(origin.join(' ')) ?? 0) + 1);
      }
      // The last record of a transaction is a marker, which no consumer is given: the batch still ends behind it.
      if (Number(batch.lastOffset()) >= Number(end.high) - 2) resolve();
    },
  });
  const late = setTimeout(resolve, 10_000);
  await isRead.finally(() => clearTimeout(late));
  await consumer.disconnect();
  return [...seen].filter(([, count]) => count > 1).map(([origin, count]) => `copied ${count} times: ${origin}`);
}

/** The relay's lease is given back when its holder leaves. What is done once in a while keeps its own until it is due again. */
export async function findHeldLeases(cluster: Cluster): Promise<string[]> {
  const held = await cluster.catalog<{ name: string; owner: string }>(
    `SELECT name, owner FROM holdfast.leases WHERE name = 'relay' AND expires_at > clock_timestamp()`,
  );
  return held.map(({ name, owner }) => `lease ${name} is held by ${owner}, who is gone`);
}

export async function findSecretsAnywhere(cluster: Cluster): Promise<string[]> {
  const { catalogLogin, reader, writer } = cluster.estate;
  const secrets = {
    ...{ CATALOG_PASSWORD: catalogLogin.password, READER_PASSWORD: reader.password, WRITER_PASSWORD: writer.password },
    ...{ API_TOKEN: `token-${cluster.id}`, S3_KEY: endpoints.s3.secretAccessKey },
  };
  const { bus, store } = cluster;
  const output = cluster.replicas.flatMap(({ app }) => app.output);
  const catalog = <Row extends object>(statement: string) => cluster.catalog<Row>(statement);
  return findSecrets({ bus, store, output, secrets, catalog });
}

/** Nobody understood what went wrong there. */
export function findDefectsInLogs({ replicas }: Cluster): string[] {
  const lines = replicas.flatMap(({ app }) => app.output.filter((line) => line.includes('internal.bug')));
  return lines.map((line) => `a log tells of a defect: ${line.slice(0, 1_500)}`);
}
