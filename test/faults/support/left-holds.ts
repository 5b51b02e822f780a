import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { readObject } from '../../support/secret-hunt.js';
import type { Cluster } from './cluster.js';
import { listStorage, PREFIX } from './stored-backups.js';

const isHold = (key: string): boolean => /[/]holds[/]/.test(key);
const listHolds = async (cluster: Cluster): Promise<string[]> =>
  [...(await listStorage(cluster)).keys()].filter(isHold);

/**
 * An attempt that lives takes its holds away when its work ends: only attempts that another one had to follow may have left one. Not where the
 * storage was away: then it could not be asked.
 */
export async function findLeftHolds(cluster: Cluster): Promise<string[]> {
  const holds = await listHolds(cluster);
  const runs = await cluster.catalog<{ id: string; attempt: number }>('SELECT id, attempt FROM holdfast.runs');
  const strangers = holds.filter((key) => !runs.some(({ id }) => key.includes(id)));
  // An attempt may hold several backups: a restore in place its safety backup as well, a snapshot the one whose content it shares.
  const left = Map.groupBy(holds, (key) => /(.*[/][a-z]+-[0-9a-f-]{36})-[^/]*$/.exec(key)?.[1] ?? key);
  const tooMany = runs.filter(({ id, attempt }) =>
    [...left].some(([work, keys]) => work.includes(id) && keys.length >= Math.max(attempt, 1)),
  );
  return [
    ...strangers.map((key) => `${key} is the hold of no run`),
    ...tooMany.map(({ id, attempt }) => `run ${id} left as many holds as it had attempts: ${attempt}`),
  ];
}

/** As long after, when the holds of the dead have run out. Returns those that never would. */
export async function runOutHolds(cluster: Cluster): Promise<string[]> {
  const endless: string[] = [];
  for (const key of await listHolds(cluster)) {
    const place = { Bucket: cluster.storage.bucket, Key: PREFIX + key };
    const hold = JSON.parse((await readObject(cluster, place.Key)).toString('utf8')) as { livesMs: number | null };
    if (hold.livesMs === null) {
      endless.push(`${key} holds for ever`);
      await cluster.storage.client.send(new DeleteObjectCommand(place));
    } else {
      const Body = JSON.stringify({ ...hold, livesMs: 1 });
      await cluster.storage.client.send(new PutObjectCommand({ ...place, Body }));
    }
  }
  return endless;
}

export const findHoldsAfterSweep = async (cluster: Cluster): Promise<string[]> =>
  (await listHolds(cluster)).map((key) => `${key} is left after the sweep`);
