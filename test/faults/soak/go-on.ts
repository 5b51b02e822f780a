import type { SeenEvent, Where } from '#tools/platform/bus-watch.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { ask, causedBy } from '../../support/request.js';
import type { Cluster } from '../support/cluster.js';
import { DATASETS } from './actions.js';
import { findWrongRestore } from './broken-restores.js';
import { Seeded } from './seeded.js';

/** When all is over: the next backup of each dataset works, any backup of before restores, verified by the system and by us, and replays do. */
export async function goOn(cluster: Cluster, seed: number): Promise<string[]> {
  const [backups, next] = await Promise.all([
    cluster.catalog<{ id: string; dataset: string }>(
      `SELECT id, dataset FROM holdfast.backups WHERE state = 'completed' AND purpose = 'regular' ORDER BY id`,
    ),
    Promise.all(DATASETS.map((dataset) => ask(cluster, 'backup.requested', { dataset }))),
  ]);
  const found = (await Promise.all(next.map((one) => end(cluster, 'backup', causedBy(one))))).flatMap(
    ({ failure }) => failure,
  );
  if (backups.length === 0) return ['no backup at all was made'];
  const { id: backup, dataset } = new Seeded(seed).pick(backups);
  const database = `${cluster.id}_proof`;
  const wish = { dataset, backup, target: 'staging', destination: database, profile: 'quick' };
  const restore = await ask(cluster, 'restore.requested', wish);
  found.push(...(await end(cluster, 'restore', causedBy(restore))).failure);
  if (found.length > 0) return found;
  const { event, failure } = await end(cluster, 'verification', (event) => event.data.destination === database);
  if (event.data.verdict !== 'passed') failure.push(`backup ${backup} did not verify: ${JSON.stringify(event.data)}`);
  return [
    ...failure,
    ...(await findWrongRestore(cluster, { dataset, database, backup })),
    ...(await replayAll(cluster)),
  ];
}

/** Both ways, from as far back as there is a backup: what is broken in it then shows with everything else. */
async function replayAll(cluster: Cluster): Promise<string[]> {
  const { ordersTopic, copiesTopic, projector } = cluster.estate;
  const [oldest] = await cluster.catalog<{ id: string }>(
    `SELECT id FROM holdfast.backups WHERE dataset = 'shop' AND state = 'completed' AND purpose = 'regular' ORDER BY id`,
  );
  const wish = { dataset: 'shop', backup: oldest?.id, topics: [ordersTopic], groups: [projector] };
  const failure: string[] = [];
  for (const how of [{ mode: 'republish', destination: copiesTopic, acceptReaders: [] }, { mode: 'reset' }]) {
    const asked = await ask(cluster, 'replay.requested', { ...wish, ...how });
    failure.push(...(await end(cluster, 'replay', causedBy(asked))).failure);
  }
  return failure;
}

async function end(cluster: Cluster, family: string, isIts: Where): Promise<{ event: SeenEvent; failure: string[] }> {
  const ends = [`${family}.completed`, `${family}.failed`, `${family}.rejected`];
  const find = () => cluster.bus.events.find((event) => ends.includes(event.type) && isIts(event));
  const event = await waitUntil(`the last ${family} has ended`, find, { timeoutMs: 90_000 });
  const isDone = event.type === ends[0];
  return { event, failure: isDone ? [] : [`when all was over: ${event.type} ${JSON.stringify(event.data)}`] };
}
