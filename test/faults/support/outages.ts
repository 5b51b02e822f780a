import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, runOf } from '../../support/request.js';
import { waitUntil } from '../../support/wait-until.js';
import type { Cluster } from './cluster.js';
import type { Fault } from './fault-case.js';
import type { Gates } from './replica.js';
import type { S3Match } from './s3-gate.js';

/** Longer than a claim lives: what was held by then is anybody's. */
export const LONGER_THAN_A_CLAIM_MS = 6_000;

/** Shuts one gate of every replica: the service is gone for all apps. Returns how to bring it back. */
export function shutAll(cluster: Cluster, which: 'catalog' | 'bus' | 'source'): () => void {
  const gates = cluster.replicas.map(({ gates }) => gates[which]);
  for (const gate of gates) gate.shut();
  return () => {
    for (const gate of gates) gate.reopen();
  };
}

/** Nobody needs to meet it: it is there before anything is asked. */
export const fromTheStart = (end: () => Promise<unknown> | unknown): Fault => ({ reached: Promise.resolve(), end });

/** Begins what `begin` does once the executor stands before a request to the store, which then goes on. */
export function atTheStore(cluster: Cluster, match: S3Match, begin: () => Promise<Back> | Back): Fault {
  const { store } = cluster.replicaOf('executor').gates;
  const held = store.holdBefore(match);
  let back: Back = () => undefined;
  const reached = held.reached.then(async () => {
    back = await begin();
    held.release();
  });
  return { reached, end: () => back() };
}

export type Back = () => Promise<unknown> | unknown;

/** The same for what an app says to the bus. */
export function atTheBus(
  cluster: Cluster,
  match: Parameters<Gates['bus']['holdBefore']>[0],
  begin: () => Promise<Back> | Back,
): Fault {
  const held = cluster.replicaOf('scheduler').gates.bus.holdBefore(match);
  let back: Back = () => undefined;
  const reached = held.reached.then(async () => {
    back = await begin();
    held.release();
  });
  return { reached, end: () => back() };
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
