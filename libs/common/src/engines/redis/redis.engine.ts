import type { Engine } from '#common/engines/engine.js';
import type { Summary } from '#common/engines/summary.js';
import { AppError } from '#common/errors/app-error.js';
import { AofMethod } from './aof/aof.method.js';
import { datasetChecks, measureMemory, targetChecks } from './checks/redis-checks.js';
import { withClient } from './client.js';
import { type RedisNode, toAddress } from './connection.js';
import { ALL_DATABASES, parseDestination } from './destination.js';
import { RedisFacts } from './facts.js';
import { flushKeys } from './flush-keys.js';
import { redisProbe } from './probes/redis.probe.js';
import { RdbMethod } from './rdb/rdb.method.js';
import type { RedisDataset, RedisTarget } from './redis-dataset.js';
import { redisDataset, redisTarget } from './redis-options.js';
import { aofRestore, rdbRestore } from './restore/redis-restores.js';
import { toServerName } from './server-identity.js';
import { findMembers, type Member } from './topology.js';

export type RedisEngine = Engine<RedisDataset, RedisTarget, RedisFacts>;

/** Redis and Valkey: single servers, groups under Sentinel, clusters. */
export const redis: RedisEngine = {
  kind: 'redis',
  dataset: redisDataset,
  target: redisTarget,
  facts: RedisFacts,
  methods: [new RdbMethod(), new AofMethod()],
  restores: [rdbRestore, aofRestore],
  probes: [redisProbe],
  place: ({ connection }) => toAddress(connection.nodes[0] as RedisNode),
  toDestination: (wanted, { only }) => {
    const destination = wanted ?? (only === undefined ? ALL_DATABASES : String(only));
    if (parseDestination(destination) !== undefined) return destination;
    throw new AppError('request.invalid', `"${destination}" is no number of a database, and not "${ALL_DATABASES}"`);
  },
  assertThere,
  forbidden: () => [],
  toSafetyDataset: (dataset, { connection }, destination) => ({
    ...dataset,
    ...{ connection, only: parseDestination(destination)?.db, aofDirectory: undefined },
  }),
  flush: flushKeys,
  checks: {
    dataset: datasetChecks,
    target: targetChecks,
    measure: measureMemory,
    hostNames: ({ connection }) => connection.nodes.map(({ host }) => host),
  },
  summarise: toSummary,
};

async function assertThere({ connection }: RedisTarget, destination: string, signal: AbortSignal): Promise<void> {
  const client = { signal, name: 'holdfast-verification' };
  const [{ node }] = (await findMembers(connection, { ...client, prefer: 'master' })) as [Member];
  const db = parseDestination(destination)?.db;
  await withClient({ login: connection, node, ...client, db }, async () => undefined);
}

function toSummary({
  takenAt,
  databases,
  functions,
  nodes,
  mode,
  isCounted,
  warnings,
  ...server
}: RedisFacts): Summary {
  const place = mode === 'cluster' ? `${nodes.length} masters of a cluster` : (nodes[0]?.address ?? '');
  return {
    snapshotAt: takenAt,
    source: `${toServerName(server)} at ${place}`,
    sourceSizeBytes: nodes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    counts: {
      [isCounted ? 'keys' : 'keys of base']: databases.reduce((sum, { keys }) => sum + keys, 0),
      ...(isCounted ? {} : { commands: nodes.reduce((sum, { commands = 0 }) => sum + commands, 0) }),
      databases: databases.length,
      functions: functions.length,
    },
    // An append-only file is rewritten when it has grown.
    varying: ['commands', 'keys of base'],
    warnings,
  };
}
