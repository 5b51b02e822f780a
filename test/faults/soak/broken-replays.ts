import type { Cluster } from '../support/cluster.js';
import { SEEN_ORDERS } from '../support/estate.js';

/** One replay whose range was frozen, whatever became of it. */
interface Begun {
  readonly runId: string;
  readonly mode: 'reset' | 'republish';
  readonly state: string;
  readonly startedAtMs: number;
  readonly settledAtMs: number;
  readonly plan: { readonly partitions: readonly { readonly fromOffset: string; readonly toOffset: string }[] };
}

/** The orders have one partition. */
const rangeOf = ({ plan }: Begun): { readonly from: number; readonly to: number } => ({
  from: Number(plan.partitions[0]?.fromOffset ?? 0),
  to: Number(plan.partitions[0]?.toOffset ?? 0),
});

const readReplays = (cluster: Cluster): Promise<Begun[]> =>
  cluster.catalog<Begun>(
    `SELECT run.id AS "runId", replay.mode, run.state, replay.plan,
            extract(epoch FROM replay.started_at)::float8 * 1000 AS "startedAtMs",
            extract(epoch FROM run.settled_at)::float8 * 1000 AS "settledAtMs"
     FROM holdfast.replays replay JOIN holdfast.runs run ON run.id = replay.run_id
     ORDER BY run.settled_at`,
  );

/**
 * Each original once, whichever replay copied it, and whichever verifier began or ended that replay: no consumer reads the copies, so all of them wait, and
 * of two replays of one order the second finds the copy of the first. And each that a completed replay was for.
 */
export async function findBrokenCopies(cluster: Cluster): Promise<string[]> {
  const copies = await readCopies(cluster);
  const broken = [...copies]
    .filter(([, replays]) => replays.length > 1)
    .map(([order, replays]) => `order ${order} was copied ${replays.length} times, by ${[...new Set(replays)]}`);
  for (const replay of await readReplays(cluster)) {
    if (replay.mode !== 'republish' || replay.state !== 'completed') continue;
    const { from, to } = rangeOf(replay);
    const missing = Array.from({ length: Math.max(0, to - from) }, (_, n) => from + n).filter((n) => !copies.has(n));
    if (missing.length > 0) broken.push(`replay ${replay.runId} of ${from} to ${to} was completed without ${missing}`);
  }
  return broken;
}

/** Offset of the original → the replays that copied it. */
async function readCopies(cluster: Cluster): Promise<Map<number, string[]>> {
  const { kafka } = cluster.bus;
  const topic = cluster.estate.copiesTopic;
  const admin = kafka.admin();
  await admin.connect();
  const [end] = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const copies = new Map<number, string[]>();
  if (end === undefined || Number(end.high) === 0) return copies;
  const consumer = kafka.consumer({ groupId: `${cluster.topicPrefix}copies`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise: isRead, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }) => {
      for (const { headers = {} } of batch.messages) {
        const order = Number(headers['holdfast-original-offset']);
        copies.set(order, [...(copies.get(order) ?? []), String(headers['holdfast-replay-id'])]);
      }
      // The last record of a transaction is a marker, which no consumer is given: the batch still ends behind it.
      if (Number(batch.lastOffset()) >= Number(end.high) - 2) resolve();
    },
  });
  const late = setTimeout(resolve, 10_000);
  await isRead.finally(() => clearTimeout(late));
  await consumer.disconnect();
  return copies;
}

/** What the consumer of the orders has read, and when it said so. */
export interface Reading {
  readonly offset: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const NOTHING_READ: Reading = { offset: SEEN_ORDERS, fromMs: 0, toMs: 0 };

/** Where the group stands: where its consumer went last, or where a reset put it after that. */
export async function findStrayedGroup(cluster: Cluster, read: Reading = NOTHING_READ): Promise<string[]> {
  const resets = (await readReplays(cluster)).filter((replay) => {
    const { from, to } = rangeOf(replay);
    return replay.mode === 'reset' && from < to;
  });
  const sure = resets.filter(({ state }) => state === 'completed').map(({ startedAtMs }) => startedAtMs);
  // One that was over before another surely began is not the last.
  const sinceMs = Math.max(read.fromMs, ...sure);
  const places = [
    ...(read.toMs >= sinceMs ? [read.offset] : []),
    ...resets.filter(({ settledAtMs }) => settledAtMs >= sinceMs).map((reset) => rangeOf(reset).from),
  ];
  const stands = await readGroup(cluster);
  return places.includes(stands)
    ? []
    : [`group ${cluster.estate.projector} stands at ${stands}, and was left at ${[...new Set(places)].join(' or ')}`];
}

async function readGroup({ bus, estate }: Cluster): Promise<number> {
  const { projector: groupId, ordersTopic } = estate;
  const admin = bus.kafka.admin();
  await admin.connect();
  const [found] = await admin.fetchOffsets({ groupId, topics: [ordersTopic] }).finally(() => admin.disconnect());
  return Number(found?.partitions[0]?.offset ?? -1);
}
