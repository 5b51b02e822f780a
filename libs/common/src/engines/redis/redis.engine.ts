import type { Engine, Summary } from '#common/engines/engine.js';
import { RedisFacts } from './facts.js';
import { RdbMethod } from './rdb/rdb.method.js';
import type { RedisDataset } from './redis-dataset.js';
import { toServerName } from './server-identity.js';

export type RedisEngine = Engine<RedisDataset, RedisFacts>;

/** Redis and Valkey: single servers, groups under Sentinel, clusters. */
export const redis: RedisEngine = {
  kind: 'redis',
  facts: RedisFacts,
  methods: [new RdbMethod()],
  summarise: toSummary,
};

function toSummary({ takenAt, databases, functions, nodes, mode, warnings, ...server }: RedisFacts): Summary {
  const place = mode === 'cluster' ? `${nodes.length} masters of a cluster` : (nodes[0]?.address ?? '');
  return {
    snapshotAt: takenAt,
    source: `${toServerName(server)} at ${place}`,
    sourceSizeBytes: nodes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    counts: {
      keys: databases.reduce((sum, { keys }) => sum + keys, 0),
      databases: databases.length,
      functions: functions.length,
    },
    warnings,
  };
}
