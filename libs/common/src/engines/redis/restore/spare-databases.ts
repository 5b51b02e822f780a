import type { AttemptIdentity } from '#common/engines/engine.js';
import type { RedisClient, RedisCommand } from '#common/engines/redis/client.js';
import { AppError } from '#common/errors/app-error.js';
import { countKeys, findMarker, listDatabases, toMarkCommand, UNMARK, unmark } from './marker.js';
import { covers, listSessions } from './restore-sessions.js';
import type { TargetServers } from './target-servers.js';

/** What a server has that nobody configured. Source: redis.conf, "databases". */
const DEFAULT_DATABASES = 16;

/** A destination, and the database beside it that is filled until both are exchanged. */
export interface Exchange {
  readonly to: number;
  readonly spare: number;
}

/** How many databases the server has; undefined where the user may not read the settings. */
export async function findDatabaseLimit(client: RedisClient): Promise<number | undefined> {
  const answer = (await client.call('CONFIG', 'GET', 'databases').catch(() => [])) as readonly unknown[];
  return answer[1] === undefined ? undefined : Number(answer[1]);
}

/** Databases, the last first, that are empty or have what an earlier attempt of the run filled, and that the restore does not go to. */
export async function listSpares(
  servers: TargetServers,
  destinations: readonly number[],
  runId: string | undefined,
): Promise<readonly number[]> {
  const filled = new Set(await listDatabases(servers));
  const limit = (await findDatabaseLimit(servers.first)) ?? DEFAULT_DATABASES;
  const spares: number[] = [];
  for (let db = limit - 1; db >= 0; db -= 1) {
    if (destinations.includes(db)) continue;
    if (!filled.has(db) || (await isSpareOf(servers, db, runId))) spares.push(db);
  }
  return spares;
}

const isSpareOf = async (servers: TargetServers, db: number, runId: string | undefined): Promise<boolean> => {
  const marker = await findMarker(servers, db);
  return marker?.state === 'spare' && marker.runId === runId;
};

/** Takes an empty database for each destination. Throws: redis.no-spare, redis.*. */
export async function claimSpares(
  servers: TargetServers,
  destinations: readonly number[],
  identity: AttemptIdentity,
): Promise<readonly Exchange[]> {
  const spares = [...(await listSpares(servers, destinations, identity.runId))];
  const exchanges: Exchange[] = [];
  for (const to of destinations) {
    let spare = spares.shift();
    while (spare !== undefined && !(await claim(servers, spare, identity))) spare = spares.shift();
    if (spare === undefined) throw toNoSpare(servers, destinations.length);
    exchanges.push({ to, spare });
  }
  return exchanges;
}

/**
 * The marker first, then the look at who else restores: a restore to this number bears its name before it looks for markers, so one of the two
 * sees the other.
 */
async function claim(servers: TargetServers, db: number, identity: AttemptIdentity): Promise<boolean> {
  const { first } = servers;
  if ((await first.inDatabase(db, toMarkCommand(identity, 'spare', 'NX'))) === null) return false;
  const sessions = await listSessions(first);
  const isWanted = sessions.some((each) => each.runId !== identity.runId && covers(each.destination, db));
  if (!isWanted && (await countKeys(servers, db)) === 0) return true;
  await unmark(servers, db);
  return false;
}

export const toNoSpare = ({ first }: TargetServers, wanted: number): AppError =>
  new AppError('redis.no-spare', `${first.address} has fewer than ${wanted} empty databases to fill beside`, {
    wanted,
  });

/**
 * No other client wrote where the restore filled. What another one did write stays, with all that is there: the marker goes, and so neither the next
 * attempt nor a sweep empties the database. Throws: restore.failed.
 */
export async function assertUnshared(
  servers: TargetServers,
  exchanges: readonly Exchange[],
  written: number,
): Promise<void> {
  const counts = new Map<number, number>();
  for (const { spare } of exchanges) counts.set(spare, await countKeys(servers, spare));
  const keys = [...counts.values()].reduce((sum, each) => sum + each, 0);
  if (keys <= written) return;
  for (const spare of counts.keys()) await unmark(servers, spare);
  const numbers = [...counts.keys()].join(', ');
  const message = `an application wrote to database ${numbers} of ${servers.first.address}, which was empty`;
  const hint = `Move what the application keeps in database ${numbers}, empty it with \`redis-cli -n <number> flushdb\`, and restore again.`;
  throw new AppError(
    'restore.failed',
    `${message}: ${keys} keys are there, and ${written} were restored`,
    {},
    { hint },
  );
}

/**
 * Puts every filled database and the functions in their places, in one transaction. A function that the server does not take shows only
 * then: what was there is put back. Throws: redis.*.
 */
export async function exchangeDatabases(
  { first }: TargetServers,
  exchanges: readonly Exchange[],
  { identity, functions }: { readonly identity: AttemptIdentity; readonly functions: readonly Buffer[] },
): Promise<void> {
  const before = functions.length === 0 ? undefined : ((await first.callBytes('FUNCTION', 'DUMP')) as Buffer);
  const load = functions.map((code): RedisCommand => ['FUNCTION', 'LOAD', 'REPLACE', code]);
  const marks = [toMarkCommand(identity, 'whole'), toMarkCommand(identity, 'spare')] as const;
  const swaps = exchanges.flatMap((each) => toSwap(each, marks));
  const answers = await first.batch([['MULTI'], ...load, ...swaps, ['EXEC']]);
  const error = answers.flat().find((answer) => answer instanceof Error);
  if (error === undefined) return;
  const isDone = Array.isArray(answers.at(-1));
  if (isDone && before !== undefined) {
    const back = exchanges.flatMap((each) => toSwap(each, [UNMARK, toMarkCommand(identity, 'spare')]));
    await first.batch([['MULTI'], ...back, ['FUNCTION', 'RESTORE', before, 'FLUSH'], ['EXEC']]);
  }
  throw first.toError(error);
}

/** `marks`: what is set in the destination then, and in the spare database. */
const toSwap = ({ to, spare }: Exchange, marks: readonly [RedisCommand, RedisCommand]): RedisCommand[] => [
  ['SWAPDB', String(to), String(spare)],
  ['SELECT', String(to)],
  marks[0],
  ['SELECT', String(spare)],
  marks[1],
];

/** What was replaced. The server frees it beside its work. */
export async function emptySpares({ first }: TargetServers, exchanges: readonly Exchange[]): Promise<void> {
  for (const { spare } of exchanges) await first.inDatabase(spare, ['FLUSHDB', 'ASYNC']);
}

/** To exchange a database with itself changes nothing. Throws: redis.permission. */
export async function assertMayExchange({ first }: TargetServers, db: number): Promise<void> {
  await first.call('SWAPDB', db, db);
}
