import { z } from 'zod';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { toText } from '#common/errors/printable.js';
import type { TargetServers } from './target-servers.js';

/** Stands in a database while a restore fills it, so that what a dead attempt left half is known as that. */
const MARKER_KEY = 'holdfast:restore';

const Marker = z.object({ runId: z.string(), attempt: z.number(), strategy: z.string(), at: z.iso.datetime() });
export type Marker = z.infer<typeof Marker>;

export async function findMarker(servers: TargetServers, db: number): Promise<Marker | undefined> {
  const client = servers.clientOf(Buffer.from(MARKER_KEY));
  const text = await client.inDatabase(db, ['GET', MARKER_KEY]);
  if (text === null) return undefined;
  // Whatever an application keeps under this name is no marker of ours.
  const parsed = Marker.safeParse(parseJson(toText(text)));
  return parsed.success ? parsed.data : undefined;
}

/** Empties the database, where that is wanted, and marks it, in one transaction on each server. */
export async function beginDatabase(
  servers: TargetServers,
  db: number,
  o: AttemptIdentity & { readonly strategy: string; readonly flush: boolean },
): Promise<void> {
  const { runId, attempt, strategy } = o;
  const marker: Marker = { runId, attempt, strategy, at: new Date().toISOString() };
  const holder = servers.clientOf(Buffer.from(MARKER_KEY));
  for (const client of servers.clients) {
    const flush: [string, ...string[]][] = o.flush ? [['FLUSHDB']] : [];
    const mark: [string, ...string[]][] = client === holder ? [['SET', MARKER_KEY, JSON.stringify(marker)]] : [];
    await client.inDatabase(db, ['MULTI'], ...flush, ...mark, ['EXEC']);
  }
}

export async function endDatabase(servers: TargetServers, db: number): Promise<void> {
  await servers.clientOf(Buffer.from(MARKER_KEY)).inDatabase(db, ['DEL', MARKER_KEY]);
}

/** Empties a database that this run, and none after it, began to fill. Returns whether it did. */
export async function emptyDatabase(servers: TargetServers, db: number, runId: string): Promise<boolean> {
  if ((await findMarker(servers, db))?.runId !== runId) return false;
  const holder = servers.clientOf(Buffer.from(MARKER_KEY));
  const others = servers.clients.filter((client) => client !== holder);
  // The one with the marker last: until then a sweep still knows what the rest is.
  for (const client of [...others, holder]) await client.inDatabase(db, ['FLUSHDB']);
  return true;
}

/** How many keys there are, markers of ours left out. */
export async function countKeys(servers: TargetServers, db: number): Promise<number> {
  let keys = 0;
  for (const client of servers.clients) keys += Number(await client.inDatabase(db, ['DBSIZE']));
  return keys - ((await findMarker(servers, db)) === undefined ? 0 : 1);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
