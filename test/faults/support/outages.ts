import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppName } from '#tools/platform/app-process.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { type Asked, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import type { Fault } from './fault-case.js';
import { inStorage, onBus, type Place, statement } from './places.js';
import { seeHalf } from './replays.js';
import { backupOf, doWork } from './works.js';

/** Longer than a claim lives: any worker may take what was held by then. */
export const LONGER_THAN_A_CLAIM_MS = 6_000;

/** Shuts one gate of every replica: the service is gone for all apps. Returns how to bring it back. */
export function shutAll(cluster: Cluster, which: 'catalog' | 'bus' | 'source'): () => void {
  const gates = cluster.replicas.map(({ gates }) => gates[which]);
  for (const gate of gates) gate.shut();
  return () => {
    for (const gate of gates) gate.reopen();
  };
}

/** No app needs to meet it: it is there before anything is asked. */
export const fromTheStart = (end: () => Promise<unknown> | unknown): Fault => ({ reached: Promise.resolve(), end });

export type Back = () => Promise<unknown> | unknown;

/** Begins what `begin` does once the app stands before a step of its work, which then goes on. */
export function atPlace(cluster: Cluster, app: AppName, place: Place, begin: () => Promise<Back> | Back): Fault {
  const held = place.before(cluster.replicaOf(app).gates, cluster);
  let back: Back = () => undefined;
  const reached = held.reached.then(async () => {
    back = await begin();
    held.release();
  });
  return { reached, end: () => back() };
}

/** Steps of work at which something breaks, as the app meets them that does it. */
export const steps = {
  dump: inStorage({ method: 'PUT', key: /dump[.]zst$/ }),
  manifest: inStorage({ method: 'PUT', key: /manifest[.]json$/ }),
  archive: inStorage({ method: 'GET', key: /dump[.]zst$/ }),
  verdict: inStorage({ method: 'PUT', key: /[/]verdicts[/]/ }),
  counting: statement('target', { statement: /count\(\*\)/i }),
  publishing: onBus(({ topicPrefix }) => ({
    ...{ api: 'Produce', containing: new RegExp(`${topicPrefix}backup[.]completed`) },
  })),
  copying: onBus(({ estate }) => ({ api: 'Produce', containing: new RegExp(estate.copiesTopic) })),
  copied: onBus(() => ({ api: 'EndTxn' })),
  moving: onBus(({ estate }) => ({ api: 'OffsetCommit', containing: new RegExp(estate.projector) })),
} as const satisfies Record<string, Place>;

/** A backup of the state to which the orders are to be replayed. */
export async function backUpHalf(cluster: Cluster): Promise<void> {
  await seeHalf(cluster);
  await doWork(cluster, backupOf('shop'));
}

export const aWhile = (): Promise<unknown> => sleep(LONGER_THAN_A_CLAIM_MS);

/** By the catalog, whatever the bus has heard of it. */
export async function isCompleted(cluster: Cluster, asked: Asked): Promise<void> {
  const state = `SELECT FROM holdfast.runs WHERE id = '${runOf(asked)}' AND state = 'completed'`;
  await waitUntil('the run is completed', async () => (await cluster.catalog(state)).length === 1, {
    explain: () => cluster.explain(),
  });
}

/** Asks over the API, which needs no bus. */
export async function askByApi(cluster: Cluster, type: string, data: object): Promise<Asked> {
  const [id, time] = [randomUUID(), new Date().toISOString()];
  const response = await fetch(new URL(`/api/v1/requests/${type}`, cluster.replicaOf('scheduler').app.url), {
    method: 'POST',
    headers: { authorization: `Bearer token-${cluster.id}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id, data }),
  });
  if (!response.ok) throw new Error(`the API answered ${response.status}: ${await response.text()}`);
  return { type, id, source: `holdfast://${cluster.id.replace('_', '-')}`, time, data };
}
