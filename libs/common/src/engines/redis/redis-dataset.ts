import type { OpenManifest } from '#common/contracts/manifest.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import type { RedisConnection } from './connection.js';
import type { RedisFacts } from './facts.js';

/** A server, a group under Sentinel, or a cluster to protect, as the engine needs to know it. */
export interface RedisDataset extends ProtectedDataset {
  readonly connection: RedisConnection;
  /** Of the databases this one alone is counted, and restored; undefined: all. The file has them all in any case. */
  readonly only: number | undefined;
  /** Where the server keeps its append-only files: `appenddirname` within its `dir`. */
  readonly aofDirectory: string | undefined;
  /** How the server is said to persist, for `holdfast check`. */
  readonly persistence: 'aof' | 'save' | 'both' | 'none' | undefined;
}

/** A server to restore to. */
export interface RedisTarget extends RestoreTarget {
  readonly connection: RedisConnection;
  /** Where the server, when it is stopped, has its files: its `dir`. */
  readonly directory: string | undefined;
  /** dump: values as the file has them. commands: each by the commands of its type, for servers that read no file so new. */
  readonly copy: 'dump' | 'commands';
}

export type RedisManifest = OpenManifest<RedisFacts>;
