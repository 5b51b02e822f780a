import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { runsEvery } from '#common/testing/representative.js';
import { onServer } from '#tools/platform/server-login.js';
import { aRequest, ask, produce, toBinary } from '../support/request.js';
import { listObjects } from '../support/secret-hunt.js';
import type { SoakPlan } from './soak/actions.js';
import { makePlan } from './soak/make-plan.js';
import { toText } from './soak/plan-text.js';
import { soak } from './soak/soak.js';
import type { Cluster } from './support/cluster.js';
import { replayRepublish } from './support/replays.js';
import { conclude } from './support/report.js';
import { backupOf, doWork, restoreInPlace } from './support/works.js';

const MINUTES = 60_000;

/** Longer ones, with any seed: `npm run test:soak`. */
const PLANS = runsEvery ? [makePlan(4, 25)] : [];

const QUIET: SoakPlan = {
  ...{ seed: 0, seconds: 0 },
  actions: [
    ...[{ atMs: 0, do: 'ask', number: 0, via: 'bus', request: { ask: 'backup', dataset: 'shop', hasDeadline: false } }],
    ...[{ atMs: 0, do: 'ask', number: 1, via: 'api', request: { ask: 'nonsense', kind: 'unknown dataset' } }],
    {
      ...{ atMs: 0, do: 'ask', number: 2, via: 'bus' },
      request: {
        ...{ ask: 'restore', dataset: 'shop', backup: 'latest', into: 'live 0' },
        ...{ isVerified: false, safetyBackup: false },
      },
    },
  ],
} as SoakPlan;

/** A restore that was called completed, and left its database as it was before. */
async function undoRestore(cluster: Cluster): Promise<void> {
  const { estate } = cluster;
  const database = `${estate.id}_live1`;
  await onServer('postgres18', estate.shop, `INSERT INTO journal SELECT n, 'entry' FROM generate_series(1, 5) n`);
  await doWork(cluster, backupOf('shop'));
  const wish = { dataset: 'shop', backup: 'latest', target: 'staging', destination: database, strategy: 'in-place' };
  await doWork(cluster, { ...restoreInPlace, ask: () => ask(cluster, 'restore.requested', wish) });
  await onServer('postgres18', database, 'DELETE FROM journal');
}

/** A replay that was called completed, and lost copies, made one twice, and left its group elsewhere. */
async function undoReplay(cluster: Cluster): Promise<void> {
  const { bus, estate } = cluster;
  await replayRepublish.prepare?.(cluster);
  await doWork(cluster, replayRepublish);
  const { copiesTopic, ordersTopic: topic, projector: groupId } = estate;
  const [admin, producer] = [bus.kafka.admin(), bus.kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    // Deleting needs to know where the topic is, and does not ask.
    await admin.fetchTopicOffsets(copiesTopic);
    await admin.deleteTopicRecords({ topic: copiesTopic, partitions: [{ partition: 0, offset: '5' }] });
    const headers = { 'holdfast-original-offset': '150', 'holdfast-replay-id': 'another' };
    await producer.send({ topic: copiesTopic, messages: [{ value: 'order 151', headers }] });
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '42' }] });
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

/** As if the system had broken its promises. */
async function breakPromises(cluster: Cluster): Promise<void> {
  const { storage, estate, bus } = cluster;
  await undoRestore(cluster);
  await undoReplay(cluster);
  const object = (await listObjects(cluster)).find((key) => key.endsWith('.dump.zst'));
  await storage.client.send(new DeleteObjectCommand({ Bucket: storage.bucket, Key: object }));
  await onServer('postgres18', `${estate.id}_live0`, 'DELETE FROM orders WHERE id = 7');
  const [done] = bus.of('backup.completed');
  const again = aRequest('backup.completed', done?.data);
  await produce(cluster, again.type, toBinary(again));
  const hint = `try again with ${estate.catalogLogin.password}`;
  await produce(cluster, 'backup.failed', { value: JSON.stringify({ hint }) });
}

/** What a soak says of each of them. */
const NOTICED: readonly RegExp[] = [
  /[.]dump[.]zst has undefined bytes/,
  /_live0 is not what shop was/,
  /_live1 ends at entry 0, and what was restored there at 5$/,
  / was completed without 10[0-9]/,
  /^order 150 was copied 2 times, by .*,another$/,
  /[.]projector stands at 42, and was left at 100$/,
  /has 2 ends: backup[.]completed,backup[.]completed/,
  /CATALOG_PASSWORD in topic backup[.]failed/,
];

describe('a soak', () => {
  it(
    'notices what is gone, what was done twice or not at all, and a secret',
    async () => {
      const { broken } = await soak(QUIET, { beforeLooking: breakPromises });
      const missed = NOTICED.filter((what) => !broken.some((line) => what.test(line)));
      expect({ missed, said: missed.length === 0 ? [] : broken }).toEqual({ missed: [], said: [] });
    },
    5 * MINUTES,
  );

  for (const plan of PLANS) {
    it(
      `with seed ${plan.seed} breaks no promise`,
      async () => {
        process.stdout.write(`${toText(plan)}\n`);
        const { broken, restSeconds } = await soak(plan);
        const step = `${plan.seconds} s, ${plan.actions.length} actions, then rest`;
        await conclude({ fault: `soak seed ${plan.seed}`, step, recoverySeconds: restSeconds }, async () => [
          ...broken,
        ]);
        expect(broken).toEqual([]);
      },
      10 * MINUTES,
    );
  }
});
