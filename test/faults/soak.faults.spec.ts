import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { aRequest, produce, toBinary } from '../support/request.js';
import { listObjects } from '../support/secret-hunt.js';
import { onServer } from '../support/server-login.js';
import type { SoakPlan } from './soak/actions.js';
import { makePlan } from './soak/make-plan.js';
import { toText } from './soak/plan-text.js';
import { soak } from './soak/soak.js';
import type { Cluster } from './support/cluster.js';
import { conclude } from './support/report.js';

const MINUTES = 60_000;

/** Longer ones, with any seed: `npm run test:soak`. */
const PLANS = process.env['HOLDFAST_FAULTS'] === 'all' ? [makePlan(4, 25)] : [];

const QUIET: SoakPlan = {
  ...{ seed: 0, seconds: 0 },
  actions: [
    ...[{ atMs: 0, do: 'ask', number: 0, via: 'bus', request: { ask: 'backup', dataset: 'shop', hasDeadline: false } }],
    ...[{ atMs: 0, do: 'ask', number: 1, via: 'api', request: { ask: 'nonsense', kind: 'unknown dataset' } }],
    {
      ...{ atMs: 0, do: 'ask', number: 2, via: 'bus' },
      request: {
        ...{ ask: 'restore', dataset: 'shop', backup: 'latest', into: 'live 0' },
        ...{ isVerified: false, safetyDump: false },
      },
    },
  ],
} as SoakPlan;

/** As if the system had broken its promises. */
async function breakPromises(cluster: Cluster): Promise<void> {
  const { store, estate, bus } = cluster;
  const object = (await listObjects(cluster)).find((key) => key.endsWith('.dump.zst'));
  await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: object }));
  await onServer('postgres18', `${estate.id}_live0`, 'DELETE FROM orders WHERE id = 7');
  const [done] = bus.of('backup.completed');
  const again = aRequest('backup.completed', done?.data);
  await produce(cluster, again.type, toBinary(again));
  const hint = `try again with ${estate.catalogLogin.password}`;
  await produce(cluster, 'backup.failed', { value: JSON.stringify({ hint }) });
}

describe('a soak', () => {
  it(
    'notices an object that is gone, a row that is gone, a second end, and a secret',
    async () => {
      const { broken } = await soak(QUIET, { beforeLooking: breakPromises });
      const isSaid = (what: RegExp) => broken.some((line) => what.test(line));
      expect({
        object: isSaid(/[.]dump[.]zst has undefined bytes/),
        row: isSaid(/_live0 is not what shop was/),
        end: isSaid(/has 2 ends: backup[.]completed,backup[.]completed/),
        secret: isSaid(/CATALOG_PASSWORD in topic backup[.]failed/),
      }).toEqual({ object: true, row: true, end: true, secret: true });
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
