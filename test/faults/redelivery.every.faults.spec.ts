import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import { waitUntil } from '#tools/platform/wait-until.js';
import { type Asked, ask, causedBy } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { replayReset } from './support/replays.js';
import { conclude } from './support/report.js';
import {
  backupOf,
  doWork,
  placeOf,
  prepareRestored,
  proofOf,
  restoreInPlace,
  restoreNew,
  verification,
} from './support/works.js';

const shop = backupOf('shop');
const groups = ['executor', 'verifier'] as const;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
  await prepareRestored(cluster, placeOf(cluster));
  await prepareRestored(cluster, proofOf(cluster));
}, 120_000);
afterAll(() => cluster?.close());

/** Everything that was asked for until now, each once more, as a producer does that never heard of its success. */
async function sendAgain(): Promise<number> {
  const producer = cluster.bus.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    const requests = cluster.bus.messages.filter(({ topic }) => topic.endsWith('.requested'));
    for (const { topic, key, headers, value } of requests)
      await producer.send({ topic: cluster.topicPrefix + topic, messages: [{ key, value, headers: { ...headers } }] });
    return requests.length;
  } finally {
    await producer.disconnect();
  }
}

/** Both services have taken everything that is in their topics. */
async function allTaken(): Promise<void> {
  const admin = cluster.bus.kafka.admin();
  await admin.connect();
  const isTaken = async (group: string): Promise<boolean> => {
    const topics = await admin.fetchOffsets({ groupId: `${cluster.topicPrefix}holdfast-${group}` });
    const lags = topics.map(async ({ topic, partitions }) => {
      const [end] = await admin.fetchTopicOffsets(topic);
      return partitions.every(({ offset }) => end?.high === '0' || offset === end?.high);
    });
    return topics.length > 0 && (await Promise.all(lags)).every(Boolean);
  };
  try {
    for (const group of groups)
      await waitUntil(`the ${group} has taken everything`, () => isTaken(group), { explain: () => cluster.explain() });
  } finally {
    await admin.disconnect();
  }
}

async function toTheStart(app: (typeof groups)[number]): Promise<void> {
  const admin = cluster.bus.kafka.admin();
  await admin.connect();
  try {
    const groupId = `${cluster.topicPrefix}holdfast-${app}`;
    const topics = await admin.fetchOffsets({ groupId });
    for (const { topic } of topics)
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '0' }] });
  } finally {
    await admin.disconnect();
  }
}

const countRuns = async (): Promise<number> => (await cluster.catalog('SELECT FROM holdfast.runs')).length;
const kinds = [shop, restoreNew, restoreInPlace, verification, replayReset];

/** One of each kind, done. */
async function doEach(): Promise<Asked[]> {
  const done: Asked[] = [];
  for (const work of kinds) {
    await work.prepare?.(cluster);
    done.push(await doWork(cluster, work));
  }
  return done;
}

/** Whatever was delivered again has been taken, and no run came of it. */
async function expectNoneTwice(row: Parameters<typeof conclude>[0], asked: readonly Asked[], runs: number) {
  const broken = await conclude(row, async () => {
    await allTaken();
    const more = (await countRuns()) - runs;
    return [...(more === 0 ? [] : [`${more} runs came of it`]), ...(await findBroken(cluster, asked))];
  });
  expect(broken).toEqual([]);
  await doWork(cluster, shop);
}

describe('every request delivered twice', () => {
  it('after its run has ended makes no second one of any kind', async () => {
    const asked = await doEach();
    const runs = await countRuns();
    expect(await sendAgain()).toBeGreaterThanOrEqual(kinds.length);
    await expectNoneTwice(
      { fault: 'every message twice', step: 'all kinds: after the end', recoverySeconds: null },
      asked,
      runs,
    );
  }, 120_000);

  it('while its run is under way makes no second one', async () => {
    const { storage } = cluster.replicaOf('executor').gates;
    const held = storage.holdBefore({ method: 'PUT', key: /dump[.]zst$/ });
    const asked = await ask(cluster, 'backup.requested', { dataset: 'shop' });
    await held.reached;
    const runs = await countRuns();
    await sendAgain();
    await allTaken();
    held.release();
    await cluster.next('backup.completed', causedBy(asked));
    await expectNoneTwice(
      { fault: 'every message twice', step: 'backup: in the middle', recoverySeconds: null },
      [asked],
      runs,
    );
  }, 120_000);

  it.each(groups.map((app) => ({ app })))(
    'because the offsets of the $app were lost makes no second run',
    async ({ app }) => {
      const asked = await doEach();
      const runs = await countRuns();
      await cluster.replicaOf(app).stop();
      await toTheStart(app);
      await cluster.startApp(app);
      await expectNoneTwice(
        { fault: 'offsets reset to the start', step: `all kinds: ${app}`, recoverySeconds: null },
        asked,
        runs,
      );
    },
    120_000,
  );
});

describe('a rebalance', () => {
  it('in the middle of runs loses and doubles none', async () => {
    const { storage } = cluster.replicaOf('executor').gates;
    const held = storage.holdBefore({ method: 'PUT', key: /dump[.]zst$/ });
    const first = await ask(cluster, 'backup.requested', { dataset: 'shop' });
    await held.reached;
    const joining = await cluster.startApp('executor');
    const second = await restoreNew.ask(cluster);
    const startedAtMs = performance.now();
    const stopping = joining.stop();
    const third = await restoreNew.ask(cluster);
    held.release();
    expect(await stopping).toBe(0);
    const ends = [first, second, third].map((one, index) =>
      cluster.next(index === 0 ? 'backup.completed' : 'restore.completed', causedBy(one), { timeoutMs: 90_000 }),
    );
    const seenAtMs = Math.max(...(await Promise.all(ends)).map((end) => end.seenAtMs));
    const recoverySeconds = Math.round((seenAtMs - startedAtMs) / 100) / 10;
    const broken = await conclude(
      { fault: 'rebalance', step: 'backup, restores: in the middle', recoverySeconds },
      () => findBroken(cluster, [first, second, third]),
    );
    expect(broken).toEqual([]);
  }, 150_000);
});
