import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { listStorage, PREFIX } from './stored-backups.js';
import { backupOf, doWork, type Work } from './works.js';

/** Of a cluster whose schedulers sweep all the time; only the newest backup of `shop` stays. */
export const shortLived = {
  datasets: {
    shop: {
      ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'] },
      ...{ toolDirectories: [endpoints.postgres18.binDir], retention: { last: 1, minimumGood: 1 } },
    },
  },
  scheduler: { sweepEveryMs: 1_000, firstSweepAfterMs: 0 },
};

const newest = new WeakMap<Cluster, Asked>();
/** The backup that the next one pushes out. */
const lastOf = async (cluster: Cluster): Promise<Asked> => newest.get(cluster) ?? (await takeNext(cluster));

async function takeNext(cluster: Cluster): Promise<Asked> {
  const asked = await doWork(cluster, backupOf('shop'));
  newest.set(cluster, asked);
  return asked;
}

async function idOf(cluster: Cluster, asked: Asked): Promise<string> {
  const [backup] = await cluster.catalog<{ id: string }>(
    `SELECT id FROM holdfast.backups WHERE run_id = '${runOf(asked)}' AND purpose = 'regular'`,
  );
  if (backup === undefined) throw new Error(`run ${runOf(asked)} has no backup`);
  return backup.id;
}

const keysOf = async (cluster: Cluster, id: string): Promise<string[]> =>
  [...(await listStorage(cluster)).keys()].filter((key) => key.includes(id));

/** Waits until a sweep has marked it, and makes it as if the grace of the mark were over. */
async function overGrace(cluster: Cluster, id: string): Promise<void> {
  const isMarked = async () => (await keysOf(cluster, id)).some((key) => key.endsWith('/expiring.json'));
  await waitUntil('the backup is marked', isMarked, { explain: () => cluster.explain() });
  const Body = JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: ['only the newest stays'] });
  const { client, bucket: Bucket } = cluster.storage;
  await client.send(new PutObjectCommand({ Bucket, Key: `${PREFIX}_control/backups/shop/${id}/expiring.json`, Body }));
}

/** As if the minute were over for which leases of the dead are theirs. */
export async function freeLeases(cluster: Cluster): Promise<void> {
  const { pid } = cluster.replicaOf('scheduler').app;
  await cluster.catalog(
    `UPDATE holdfast.leases SET expires_at = clock_timestamp()
     WHERE (name IN ('relay', 'sweep') OR name LIKE 'retention %') AND owner NOT LIKE '% ${pid}'`,
  );
}

async function untilGone(cluster: Cluster, id: string): Promise<SeenEvent> {
  const isGone = async (): Promise<boolean> => {
    await freeLeases(cluster);
    return (await keysOf(cluster, id)).length === 0;
  };
  await waitUntil('nothing of the backup is left', isGone, { timeoutMs: 90_000, explain: () => cluster.explain() });
  return cluster.next('backup.expired', ({ data }) => data.backupId === id);
}

/** A backup's way out, from the deletion on. Asked for is the backup: what asks for its end is a newer one. */
export const expiry: Work = {
  name: 'expiry',
  family: 'backup',
  ask: async (cluster) => {
    const asked = await lastOf(cluster);
    await takeNext(cluster);
    await overGrace(cluster, await idOf(cluster, asked));
    return asked;
  },
  done: async (cluster, asked) => untilGone(cluster, await idOf(cluster, asked)),
  findBroken: async (cluster, asked) => {
    const id = await idOf(cluster, asked);
    const facts = new Set(cluster.bus.of('backup.expired', ({ data }) => data.backupId === id).map((fact) => fact.id));
    const [row] = await cluster.catalog<{ state: string }>(`SELECT state FROM holdfast.backups WHERE id = '${id}'`);
    const found = `${row?.state}, published ${facts.size} times`;
    return found === 'expired, published 1 times' ? [] : [`backup ${id} is ${found}`];
  },
};

/** The same from the mark on, which has kill cases of its own. */
export const marking: Work = {
  ...expiry,
  name: 'expiry (mark)',
  ask: async (cluster) => {
    const asked = await lastOf(cluster);
    await takeNext(cluster);
    return asked;
  },
  done: async (cluster, asked) => {
    await freeLeases(cluster);
    const id = await idOf(cluster, asked);
    await overGrace(cluster, id);
    return untilGone(cluster, id);
  },
};
