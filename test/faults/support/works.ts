import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { dropDatabases, onServer } from '#tools/platform/server-login.js';
import { type Asked, ask, causedBy, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { SEEN_ORDERS } from './estate.js';

/** By performance.now(). */
export type Done = Pick<SeenEvent, 'seenAtMs'>;

/** One kind of work, and how to tell that it was done. */
export interface Work {
  /** `backup`, `replay (reset)`. */
  readonly name: string;
  /** Family of its events. */
  readonly family: 'backup' | 'restore' | 'reindex' | 'verification' | 'replay';
  /** Makes something to do. */
  readonly prepare?: (cluster: Cluster) => Promise<void>;
  readonly ask: (cluster: Cluster, changes?: object) => Promise<Asked>;
  /** Resolves with what tells that it was done. Default: the fact that its run was completed. */
  readonly done?: (cluster: Cluster, asked: Asked) => Promise<Done>;
  /** What is broken in what the run made. Changes nothing, so that it can be asked again. */
  readonly findBroken?: (cluster: Cluster, asked: Asked) => Promise<string[]>;
  /** Makes room when no check looks at it any more. */
  readonly forget?: (cluster: Cluster, asked: Asked) => Promise<unknown>;
}

/** The longest wait is a run's second attempt behind a connection that stalls. */
const LONG_MS = 120_000;

/** Waits for what tells that it was done. */
export const awaitDone = (cluster: Cluster, { family, done }: Work, asked: Asked): Promise<Done> =>
  done?.(cluster, asked) ?? cluster.next(`${family}.completed`, causedBy(asked), { timeoutMs: LONG_MS });

/** Asks, and waits until it is done. */
export async function doWork(cluster: Cluster, work: Work): Promise<Asked> {
  const asked = await work.ask(cluster);
  await awaitDone(cluster, work, asked);
  return asked;
}

export interface Proven {
  readonly broken: readonly string[];
  /** The next run of the same kind. */
  readonly next: Asked;
}

/** Looks at what the run made, and only then does the same once more: a second run at the same place repairs what the first one broke. */
export async function proveAndRepeat(cluster: Cluster, work: Work, asked: Asked): Promise<Proven> {
  const look = async (at: Asked): Promise<string[]> => {
    const broken = (await work.findBroken?.(cluster, at)) ?? [];
    await work.forget?.(cluster, at);
    return broken;
  };
  const first = await look(asked);
  await work.prepare?.(cluster);
  const next = await doWork(cluster, work);
  return { broken: [...first, ...(await look(next))], next };
}

export const backupOf = (dataset: 'shop' | 'bulk'): Work => ({
  name: dataset === 'bulk' ? 'backup (several parts)' : 'backup',
  family: 'backup',
  ask: (cluster) => ask(cluster, 'backup.requested', { dataset }),
});

interface RestoreData {
  readonly destination: string;
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
    return askRestore(cluster, { destination: `${cluster.id}_new${restores}`, strategy: 'new', ...changes });
  },
  findBroken: (_cluster, { data }) => findMissingRows((data as RestoreData).destination),
  forget: (_cluster, { data }) => dropDatabases('postgres18', (data as RestoreData).destination),
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
    await work.forget?.(cluster, asked);
  }
  return broken;
}

export const placeOf = ({ id }: Cluster): string => `${id}_place`;

/** Over a database in which an order was lost and two were made up: its safety dump must show one too many. */
export const restoreInPlace: Work = {
  name: 'restore (in place)',
  family: 'restore',
  prepare: async (cluster) => {
    await onServer('postgres18', placeOf(cluster), 'DELETE FROM orders WHERE id = 1', SPURIOUS_ORDERS);
  },
  ask: (cluster) => askRestore(cluster, { destination: placeOf(cluster), strategy: 'in-place' }),
  findBroken: async (cluster, asked) => [
    ...(await findMissingRows(placeOf(cluster))),
    ...(await findMissingSafety(cluster, asked)),
  ],
};

/** A database that no restore has replaced yet is as it was prepared, whatever a dead app's children still do. */
export async function findTouched(cluster: Cluster): Promise<string[]> {
  const [row] = await onServer<{ count: number }>(
    'postgres18',
    placeOf(cluster),
    'SELECT count(*)::int AS count FROM orders WHERE id >= 1000',
  );
  return row?.count === 2 ? [] : [`database ${placeOf(cluster)} was replaced while no executor held its run`];
}

const SPURIOUS_ORDERS = `INSERT INTO orders VALUES (1000, 1, 'made up'), (1001, 2, 'as well') ON CONFLICT DO NOTHING`;

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
  const dumps = await cluster.catalog<{ orders: number }>(
    `SELECT jsonb_path_query(manifest, '$.facts.tables[*] ? (@.name == "public.orders").rows')::int AS orders
     FROM holdfast.backups WHERE run_id = '${runOf(asked)}' AND purpose = 'safety' AND state = 'completed'`,
  );
  const found = dumps.map(({ orders }) => orders);
  return found.join() === String(SEEN_ORDERS + 1) ? [] : [`run ${runOf(asked)} has safety dumps of ${found} orders`];
}

export const proofOf = ({ id }: Cluster): string => `${id}_proof`;

/** Of a database that was restored before: `prepareProof`. */
export const verification: Work = {
  name: 'verification',
  family: 'verification',
  ask: (cluster) =>
    ask(cluster, 'verification.requested', {
      ...{ dataset: 'shop', backup: 'latest', target: 'staging', destination: proofOf(cluster), profile: 'quick' },
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
  await doWork(cluster, { ...restoreNew, ask: () => askRestore(cluster, { destination: database, strategy: 'new' }) });
}
