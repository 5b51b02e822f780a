import { z } from 'zod';
import type { AttemptIdentity } from '#common/engines/engine.js';
import type { RedisCommand } from '#common/engines/redis/client.js';
import { toText } from '#common/errors/printable.js';
import type { TargetServers } from './target-servers.js';

/** Stands in a database while a restore works on it, so that what a dead attempt left there is known as that. */
const MARKER_KEY = 'holdfast:restore';

/**
 * `filling`: it was empty, and is emptied again when the run fails. `spare`: no destination; it is filled beside one, or has what was replaced, and is
 * emptied. `whole`: it has been replaced, and only the marker goes. `half`: of a cluster, emptied and being filled; it stays as it is.
 */
const State = z.enum(['filling', 'spare', 'whole', 'half']);
type State = z.infer<typeof State>;

const Marker = z.object({ runId: z.string(), attempt: z.number(), state: State, at: z.iso.datetime() });
export type Marker = z.infer<typeof Marker>;

export const UNMARK: RedisCommand = ['DEL', MARKER_KEY];

const holderOf = (servers: TargetServers) => servers.clientOf(Buffer.from(MARKER_KEY));

export function toMarkCommand({ runId, attempt }: AttemptIdentity, state: State, ...how: ['NX'] | []): RedisCommand {
  const marker: Marker = { runId, attempt, state, at: new Date().toISOString() };
  return ['SET', MARKER_KEY, JSON.stringify(marker), ...how];
}

export async function findMarker(servers: TargetServers, db: number): Promise<Marker | undefined> {
  const text = await holderOf(servers).inDatabase(db, ['GET', MARKER_KEY]);
  if (text === null) return undefined;
  // Whatever an application keeps under this name is no marker of ours.
  const parsed = Marker.safeParse(parseJson(toText(text)));
  return parsed.success ? parsed.data : undefined;
}

/** Marks a database that is empty. */
export async function markFilling(servers: TargetServers, db: number, identity: AttemptIdentity): Promise<void> {
  await holderOf(servers).inDatabase(db, toMarkCommand(identity, 'filling'));
}

/** Empties the database and marks it, in one transaction on each server. */
export async function emptyAndMark(servers: TargetServers, db: number, identity: AttemptIdentity): Promise<void> {
  for (const client of servers.clients) {
    const mark = client === holderOf(servers) ? [toMarkCommand(identity, 'half')] : [];
    await client.inDatabase(db, ['MULTI'], ['FLUSHDB'], ...mark, ['EXEC']);
  }
}

export async function unmark(servers: TargetServers, db: number): Promise<void> {
  await holderOf(servers).inDatabase(db, UNMARK);
}

/** Takes away what a restore that ended left in a database, by its marker. Returns whether the database was emptied. */
export async function tidyDatabase(
  servers: TargetServers,
  db: number,
  isOver: (marker: Marker) => boolean | Promise<boolean>,
): Promise<boolean> {
  const marker = await findMarker(servers, db);
  if (marker === undefined || !(await isOver(marker))) return false;
  if (marker.state === 'whole') await unmark(servers, db);
  if (marker.state === 'whole' || marker.state === 'half') return false;
  const holder = holderOf(servers);
  const others = servers.clients.filter((client) => client !== holder);
  // The one with the marker last: until then a sweep still knows what the rest is.
  for (const client of [...others, holder]) await client.inDatabase(db, ['FLUSHDB', 'ASYNC']);
  return true;
}

/** The same in every database that holds anything. */
export async function tidyRun(servers: TargetServers, runId: string): Promise<void> {
  for (const db of await listDatabases(servers)) await tidyDatabase(servers, db, (marker) => marker.runId === runId);
}

/** How many keys there are, markers of ours left out. */
export async function countKeys(servers: TargetServers, db: number): Promise<number> {
  let keys = 0;
  for (const client of servers.clients) keys += Number(await client.inDatabase(db, ['DBSIZE']));
  return keys - ((await findMarker(servers, db)) === undefined ? 0 : 1);
}

/** Those that hold anything. */
export async function listDatabases({ clients }: TargetServers): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const client of clients) {
    for (const name of (await client.info('keyspace')).keys()) {
      const [, db] = /^db(\d+)$/.exec(name) ?? [];
      if (db !== undefined) found.add(Number(db));
    }
  }
  return [...found].sort((a, b) => a - b);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
