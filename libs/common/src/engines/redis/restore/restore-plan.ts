import type { RestorePlan, RestoreQuestion } from '#common/engines/engine.js';
import type { RedisClient } from '#common/engines/redis/client.js';
import { parseDestination } from '#common/engines/redis/destination.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { readIdentity, type ServerIdentity, toServerName } from '#common/engines/redis/server-identity.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import { toText } from '#common/errors/printable.js';
import { countKeys, findMarker } from './marker.js';

import { readsVersion } from './server-versions.js';
import { assertMayExchange, findDatabaseLimit, listSpares, toNoSpare } from './spare-databases.js';
import { type TargetServers, withTarget } from './target-servers.js';

export interface PlannedDatabase {
  readonly from: number;
  readonly to: number;
  readonly keys: number;
  /** What is there today. */
  readonly keysThere: number;
  /** An earlier attempt of this run began to fill it. */
  readonly isOurs: boolean;
}

export interface RedisRestorePlan extends RestorePlan {
  readonly server: string;
  readonly databases: readonly PlannedDatabase[];
  readonly functions: readonly string[];
  /** Libraries that are there today, and stay where nothing is replaced. */
  readonly functionsThere: readonly string[];
}

type Question = RestoreQuestion<RedisTarget, RedisFacts>;

/** Throws: redis.*, config.invalid. */
export function previewKeys(question: Question, signal: AbortSignal): Promise<RedisRestorePlan> {
  const { target, destination, strategy, manifest, identity } = question;
  return withTarget(target.connection, { signal, name: 'holdfast-plan' }, async (servers) => {
    const server = await readIdentity(servers.first);
    const databases: PlannedDatabase[] = [];
    const spareOfOther: Seen['spareOfOther'][number][] = [];
    const limit = servers.isCluster ? 1 : ((await findDatabaseLimit(servers.first)) ?? Number.POSITIVE_INFINITY);
    const places = toPlaces(manifest.snapshot, destination);
    for (const { from, to, keys } of places.filter((place) => place.to < limit)) {
      const marker = await findMarker(servers, to);
      const isOurs = identity !== undefined && marker?.runId === identity.runId;
      if (marker?.state === 'spare' && !isOurs) spareOfOther.push({ db: to, runId: marker.runId });
      databases.push({ from, to, keys, keysThere: await countKeys(servers, to), isOurs });
    }
    const functionsThere = await listFunctions(servers.first);
    return {
      ...{ target: target.name, destination, strategy, server: toServerName(server), databases, functionsThere },
      functions: manifest.snapshot.functions.map(({ name }) => name),
      exists: databases.some(({ keysThere }) => keysThere > 0),
      refusals: [...(await refusalsOf(question, { servers, server, databases, places, limit, spareOfOther }))].map(
        toProblem,
      ),
    };
  });
}

/** Where each database of the backup goes; more than one cannot go into one. */
export function toPlaces(
  { databases }: Pick<RedisFacts, 'databases'>,
  destination: string,
): readonly { readonly from: number; readonly to: number; readonly keys: number }[] {
  const db = parseDestination(destination)?.db;
  if (databases.length === 0) return [{ from: 0, to: db ?? 0, keys: 0 }];
  return databases.map(({ db: from, keys }) => ({ from, to: db ?? from, keys }));
}

interface Seen {
  readonly servers: TargetServers;
  readonly server: ServerIdentity;
  readonly databases: readonly PlannedDatabase[];
  readonly places: ReturnType<typeof toPlaces>;
  /** How many databases there are. */
  readonly limit: number;
  /** Destinations that a restore to another database uses, or has left. */
  readonly spareOfOther: readonly { readonly db: number; readonly runId: string }[];
}

async function refusalsOf(question: Question, seen: Seen): Promise<AppError[]> {
  const { manifest, target, strategy, destination } = question;
  const facts = manifest.snapshot;
  const { servers, server, databases, places, limit } = seen;
  const refusals: AppError[] = [];
  const refuse = (code: Code, message: string, hint?: string) =>
    refusals.push(new AppError(code, message, {}, hint === undefined ? {} : { hint }));
  const name = toServerName(server);
  if (target.copy === 'dump' && !readsVersion(server, facts))
    refuse('redis.version', `${name} does not read RDB version ${facts.rdbVersion}, by ${toServerName(facts)}`);
  if (facts.databases.some(({ fieldTimes }) => fieldTimes > 0) && !hasFieldTimes(server))
    refuse('redis.version', `${name} knows no time to live of fields, and they would live for ever`, NEWER);
  if (facts.functions.length > 0 && !isAtLeast(server, 7, 0))
    refuse('redis.version', `${name} knows no functions, and the backup has ${facts.functions.length}`, NEWER);
  if (new Set(places.map(({ to }) => to)).size < places.length)
    refuse(
      'request.invalid',
      `the backup holds ${places.length} databases, which cannot all go into number ${destination}`,
      ALL,
    );
  const beyond = places.filter(({ to }) => to >= limit).map(({ to }) => to);
  if (beyond.length > 0)
    refuse(
      'redis.version',
      `${servers.first.address} has databases 0 to ${limit - 1}, and not ${beyond.join(', ')}`,
      MORE,
    );
  const filled = databases.filter(({ keysThere, isOurs }) => strategy === 'new' && keysThere > 0 && !isOurs);
  for (const { to, keysThere } of filled)
    refuse('redis.not-empty', `database ${to} of ${servers.first.address} holds ${keysThere} keys`);
  if ((await servers.first.info('replication')).get('role') === 'slave')
    refuse(
      'redis.refused',
      `${servers.first.address} is a replica`,
      'Name the master under `url`, or the Sentinels that know it.',
    );
  else if (refusals.length === 0) refusals.push(...(await refusalsToExchange(question, seen)));
  return refusals;
}

/** What keeps databases from being filled beside the destinations, and these from being exchanged with others. */
async function refusalsToExchange(
  { strategy, identity }: Question,
  { servers, databases, spareOfOther }: Seen,
): Promise<AppError[]> {
  const { address } = servers.first;
  const refusals = spareOfOther.map(
    ({ db, runId }) =>
      new AppError('restore.busy', `run ${runId} fills database ${db} of ${address} for another`, { runId }),
  );
  if (strategy !== 'replace' || servers.isCluster) return refusals;
  const destinations = databases.map(({ to }) => to);
  const spares = await listSpares(servers, destinations, identity?.runId);
  if (spares.length < destinations.length) refusals.push(toNoSpare(servers, destinations.length));
  try {
    await assertMayExchange(servers, destinations[0] ?? 0);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'redis.permission') throw error;
    refusals.push(error);
  }
  return refusals;
}

const NEWER = 'Restore to a newer server.';
const ALL = 'Leave the destination out, or name `all`: each database goes to its own number.';
const MORE = 'Raise `databases` in the configuration of the server, and start it again.';

const isAtLeast = ({ version }: ServerIdentity, major: number, minor: number): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
};

const hasFieldTimes = (server: ServerIdentity): boolean =>
  server.server === 'valkey' ? isAtLeast(server, 9, 0) : isAtLeast(server, 7, 4);

/** Older servers know no functions. */
async function listFunctions(client: RedisClient): Promise<string[]> {
  const libraries = (await client.call('FUNCTION', 'LIST').catch(() => [])) as readonly (readonly unknown[])[];
  return libraries.map((library) => toText(library[library.indexOf('library_name') + 1]));
}

export function describePlan(plan: RedisRestorePlan): Readonly<Record<string, string | readonly string[]>> {
  return {
    server: plan.server,
    databases: plan.databases.map(
      ({ from, to, keys, keysThere }) =>
        `${keys} keys ${from === to ? '' : `of number ${from} `}to number ${to}${keysThere > 0 ? `, which holds ${keysThere}` : ''}`,
    ),
    functions: plan.functions,
  };
}
