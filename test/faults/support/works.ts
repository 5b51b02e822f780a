import { type Asked, ask, causedBy, runOf } from '../../support/request.js';
import { onServer } from '../../support/server-login.js';
import type { Cluster } from './cluster.js';
import { SEEN_ORDERS } from './estate.js';

/** One kind of work, and how to tell that it was done. */
export interface Work {
  /** `backup`, `replay (reset)`. */
  readonly name: string;
  /** Family of its events. */
  readonly family: 'backup' | 'restore' | 'verification' | 'replay';
  /** Makes something to do. */
  readonly prepare?: (cluster: Cluster) => Promise<void>;
  readonly ask: (cluster: Cluster, changes?: object) => Promise<Asked>;
  /** What is broken in what the run made. */
  readonly findBroken?: (cluster: Cluster, asked: Asked) => Promise<string[]>;
}

/** Asks, and waits for the fact that it was done. */
export async function doWork(cluster: Cluster, { family, ask: begin }: Work): Promise<Asked> {
  const asked = await begin(cluster);
  await cluster.next(`${family}.completed`, causedBy(asked), { timeoutMs: 90_000 });
  return asked;
}

export const backupOf = (dataset: 'shop' | 'bulk'): Work => ({
  name: dataset === 'bulk' ? 'backup (several parts)' : 'backup',
  family: 'backup',
  ask: (cluster) => ask(cluster, 'backup.requested', { dataset }),
});

interface RestoreData {
  readonly database: string;
}

const askRestore = (cluster: Cluster, changes: object): Promise<Asked> =>
  ask(cluster, 'restore.requested', { dataset: 'shop', target: 'staging', ...changes });

let restores = 0;

/** Each into a database of its own. */
export const restoreNew: Work = {
  name: 'restore (new)',
  family: 'restore',
  ask: (cluster, changes = {}) => {
    restores += 1;
    return askRestore(cluster, { database: `${cluster.id}_new${restores}`, strategy: 'new', ...changes });
  },
  findBroken: async (_cluster, { data }) => {
    const { database } = data as RestoreData;
    const broken = await findMissingRows(database);
    await onServer('postgres18', 'postgres', `DROP DATABASE ${database} WITH (FORCE)`);
    return broken;
  },
};

/**
 * Of the backups of `shop` so far the first, one in the middle and the last are restored. Returns what is missing then.
 */
export async function findUnrestorable(cluster: Cluster): Promise<string[]> {
  const backups = await cluster.catalog<{ id: string }>(
    `SELECT id FROM holdfast.backups WHERE state = 'completed' AND dataset = 'shop' AND purpose = 'regular' ORDER BY id`,
  );
  const sample = new Set([0, Math.floor(backups.length / 2), backups.length - 1].map((n) => backups[n]?.id));
  const broken: string[] = [];
  for (const backup of sample) {
    const { ask: begin, ...work } = restoreNew;
    const asked = await doWork(cluster, { ...work, ask: (to) => begin(to, { backup }) });
    broken.push(...((await work.findBroken?.(cluster, asked)) ?? []));
  }
  return broken;
}

export const placeOf = ({ id }: Cluster): string => `${id}_place`;

/** Over a database in which an order was lost and another one made up. */
export const restoreInPlace: Work = {
  name: 'restore (in place)',
  family: 'restore',
  prepare: async (cluster) => {
    await onServer('postgres18', placeOf(cluster), 'DELETE FROM orders WHERE id = 1', SPURIOUS_ORDER);
  },
  ask: (cluster) => askRestore(cluster, { database: placeOf(cluster), strategy: 'in-place' }),
  findBroken: async (cluster, asked) => [
    ...(await findMissingRows(placeOf(cluster))),
    ...(await findMissingSafety(cluster, asked)),
  ],
};

const SPURIOUS_ORDER = `INSERT INTO orders VALUES (1000, 1, 'made up') ON CONFLICT DO NOTHING`;

async function findMissingRows(database: string): Promise<string[]> {
  const [row] = await onServer<{ orders: number; sum: number; tenants: number }>(
    'postgres18',
    database,
    `SELECT count(*)::int AS orders, sum(id)::int AS sum, (SELECT count(*) FROM tenants)::int AS tenants FROM orders`,
  );
  const whole = { orders: SEEN_ORDERS, sum: (SEEN_ORDERS * (SEEN_ORDERS + 1)) / 2, tenants: 5 };
  const found = JSON.stringify(row);
  return found === JSON.stringify(whole) ? [] : [`database ${database} holds ${found}`];
}

/** Exactly one, of the database as it was before the first attempt. */
async function findMissingSafety(cluster: Cluster, asked: Asked): Promise<string[]> {
  const dumps = await cluster.catalog<{ id: string }>(
    `SELECT id FROM holdfast.backups WHERE run_id = '${runOf(asked)}' AND purpose = 'safety' AND state = 'completed'`,
  );
  return dumps.length === 1 ? [] : [`run ${runOf(asked)} has ${dumps.length} safety dumps`];
}

export const proofOf = ({ id }: Cluster): string => `${id}_proof`;

/** Of a database that was restored before: `prepareProof`. */
export const verification: Work = {
  name: 'verification',
  family: 'verification',
  ask: (cluster) =>
    ask(cluster, 'verification.requested', {
      ...{ dataset: 'shop', backup: 'latest', target: 'staging', database: proofOf(cluster), profile: 'quick' },
    }),
  findBroken: async (cluster, asked) => {
    const verdicts = cluster.bus
      .of('verification.completed', causedBy(asked))
      .map(({ data }) => data.verdict as string);
    const wrong = verdicts.filter((verdict) => verdict !== 'passed');
    return wrong.map((verdict) => `the verdict of ${runOf(asked)} is ${verdict}`);
  },
};

/** A backup, and a database restored from it under the name. */
export async function prepareRestored(cluster: Cluster, database: string): Promise<void> {
  await doWork(cluster, backupOf('shop'));
  await doWork(cluster, { ...restoreNew, ask: () => askRestore(cluster, { database, strategy: 'new' }) });
}
